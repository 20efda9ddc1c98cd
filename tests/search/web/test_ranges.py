"""Parts of a file over HTTP, and names of files in headers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from search.web.originals import OpenOriginal
from search.web.ranges import FileAnswer, disposition, wanted_span

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

DATA = bytes(range(256)) * 4000


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    path = tmp_path / "data"
    path.write_bytes(DATA)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        opened = OpenOriginal(os.open(path, os.O_RDONLY), len(DATA), 1_700_000_000.4)
        answer = FileAnswer(opened, media_type="image/png", headers={"ETag": '"abc"'})
        await answer(scope, receive, send)
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(opened.number)

    return TestClient(app)


def test_a_file_is_sent_whole(client: TestClient) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000000-", 1_000_000, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        ("bytes=0-99999999999", 0, len(DATA)),
        ("bytes=-99999999999", 0, len(DATA)),
        ("Bytes=3-4", 3, 5),
    ],
)
def test_a_range_is_sent_alone(client: TestClient, asked: str, start: int, end: int) -> None:
    answer = client.get("/", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=9999999-99999999", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_had(client: TestClient, asked: str) -> None:
    answer = client.get("/", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"
    assert answer.json()["type"] == "urn:sightseek:problem:range"


@pytest.mark.parametrize(
    "asked",
    ["bytes=-", "bytes=5-3", "bytes=0-1,5-9", "lines=1-2", "bytes", f"bytes={'9' * 5000}-", "x=1"],
)
def test_a_range_that_means_nothing_is_no_range(client: TestClient, asked: str) -> None:
    answer = client.get("/", headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, len(DATA))


@pytest.mark.parametrize(
    ("unless", "code"),
    [
        ('"abc"', 206),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 206),
        ('"other"', 200),
        ('W/"abc"', 200),
        ("Tue, 14 Nov 2023 22:13:21 GMT", 200),
    ],
)
def test_a_range_of_another_version_is_not_mixed_in(
    client: TestClient, unless: str, code: int
) -> None:
    answer = client.get("/", headers={"Range": "bytes=0-1", "If-Range": unless})
    assert answer.status_code == code


def test_head_tells_all_but_the_content(client: TestClient) -> None:
    answer = client.head("/", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (206, b"")
    assert answer.headers["content-length"] == "10"


def test_a_span_is_never_outside_of_the_file() -> None:
    with pytest.raises(ValueError, match="bytes"):
        wanted_span("bytes=0-", 0)
    assert wanted_span("bytes=-1", 1) == (0, 1)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.jpg", "inline; filename=\"a b.jpg\"; filename*=UTF-8''a%20b.jpg"),
        ('a";x="b.jpg', "inline; filename=\"a__x__b.jpg\"; filename*=UTF-8''a%22%3Bx%3D%22b.jpg"),
        (
            "a\r\nSet-Cookie: x",
            "inline; filename=\"aSet-Cookie_ x\"; filename*=UTF-8''aSet-Cookie%3A%20x",
        ),
        (
            "../../etc/passwd",
            "inline; filename=\"_.._etc_passwd\"; filename*=UTF-8''_.._etc_passwd",
        ),
        ("猫.jpg", "inline; filename=\"_.jpg\"; filename*=UTF-8''%E7%8C%AB.jpg"),
        ("\u202egpj.exe", "inline; filename=\"gpj.exe\"; filename*=UTF-8''gpj.exe"),
        ("a\udcff.jpg", "inline; filename=\"a.jpg\"; filename*=UTF-8''a.jpg"),
        ("...", "inline; filename=\"photo\"; filename*=UTF-8''photo"),
    ],
)
def test_no_name_of_a_file_means_anything_else_in_a_header(name: str, header: str) -> None:
    made = disposition(name, inline=True)
    assert made == header
    assert made.isascii()
    assert made.isprintable()
