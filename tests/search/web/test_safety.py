"""What the whole application keeps to, whatever its routes are: each of them is asked."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from starlette.testclient import TestClient

from indexer.pipeline import index_photos
from search.thumbnail_cache import ThumbnailCache
from search.web.app import make_app
from search.web.guard import HEADERS, Door
from search.web.limits import MOST_UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import ColourEncoder
    from fastapi import FastAPI

    from indexer.library import Library

TOKEN = "a token of more than sixteen characters"
MARKUP = '<img src=x onerror="alert(1)">'
EVENTS = "/api/v1/index/progress"  # which never ends


@pytest.fixture
def make(
    tmp_path: Path,
    library: Library,
    encoder: ColourEncoder,
    photos: Path,
    paint: Callable[..., Path],
) -> Callable[..., FastAPI]:
    """Make the app of a library of one photo whose name and caption are markup."""
    path = paint(photos / f"{MARKUP.replace('/', '')}.png", "red")
    path.with_name(path.name + ".txt").write_text(MARKUP, "utf-8")
    index_photos(photos, library, encoder)

    def make(**options: object) -> FastAPI:
        cache = ThumbnailCache(tmp_path / "thumbnails")
        return make_app(library.path, lambda _: encoder, thumbnails=cache, **options)

    return make


@pytest.fixture
def client(make: Callable[..., FastAPI]) -> TestClient:
    return TestClient(make(), base_url="http://127.0.0.1:8765")


def addresses(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Give every method and address that the app describes, the page and one that is not there."""
    yield from (("GET", "/"), ("GET", "/nothing"), ("GET", "/api/v1/openapi.json"))
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            yield method.upper(), re.sub(r"\{.*?\}", "1", path)


def test_no_address_answers_without_the_token_to_another_host_or_to_another_site(
    make: Callable[..., FastAPI],
) -> None:
    app = make(door=Door(token=TOKEN))
    client = TestClient(app, base_url="http://localhost", follow_redirects=False)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    asked = list(addresses(app))
    assert len(asked) > 8
    for method, path in asked:
        for headers, code in (
            ({}, 401),
            (bearer | {"Host": "evil.example"}, 421),
            (bearer | {"Origin": "http://evil.example"}, 403),
            (bearer | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, 403),
        ):
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == code, (method, path, headers)
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_every_answer_is_sealed_whatever_it_is(client: TestClient) -> None:
    for method, path in addresses(client.app):
        if path == EVENTS:
            continue
        answer = client.request(method, path)
        assert answer.status_code < 500, (method, path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_on_the_page_or_in_the_api_changes_anything(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    writing = {
        (method, path)
        for path, operations in document["paths"].items()
        for method in operations
        if method != "get"
    }
    assert writing <= {("post", "/api/v1/search")}  # which hands a photo over, to search by it
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in ("/", "/api/v1/photos/1", "/api/v1/photos/1/original", "/api/v1/status"):
            assert client.request(method, path).status_code == 405


def test_names_and_captions_are_data_and_never_markup(client: TestClient) -> None:
    answer = client.get("/api/v1/photos/1")
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["captions"][0]["text"] == MARKUP
    assert told["name"].startswith("<img")
    page = client.get("/", params={"q": MARKUP, "photo": MARKUP, "lang": MARKUP}).text
    assert MARKUP not in page
    assert "onerror" not in page
    named = client.get("/api/v1/photos/1/original").headers["content-disposition"]
    assert "<" not in named
    assert named.count('"') == 2


def test_words_are_never_looked_up_as_files_or_fetched(client: TestClient, photos: Path) -> None:
    path = next(photos.glob("*.png"))
    for word in (str(path), "/etc/passwd", "http://127.0.0.1:1/a.jpg", "file:///etc/passwd"):
        answer = client.get("/api/v1/search", params={"q": f'"{word}"'})
        assert answer.status_code == 200, answer.text
        assert [term["kind"] for term in answer.json()["query"]["terms"]] == ["text"]


def test_no_answer_is_shared_by_caches_that_others_use(client: TestClient) -> None:
    for method, path in addresses(client.app):
        if path == EVENTS or not path.startswith("/api/"):
            continue
        kept = client.request(method, path).headers["cache-control"]
        assert "public" not in kept, path
        assert "no-store" in kept or "no-cache" in kept or "private" in kept, path


def hand_over(client: TestClient, data: bytes) -> int:
    files = {"photo": ("photo.png", data, "image/png")}
    return client.post("/api/v1/search", files=files).status_code


def test_a_photo_that_is_handed_over_is_held_to_bytes_and_pixels(
    make: Callable[..., FastAPI],
) -> None:
    client = TestClient(make(max_pixels=10_000), base_url="http://localhost")
    small, large = BytesIO(), BytesIO()
    Image.new("RGB", (100, 100), "red").save(small, "PNG")
    Image.new("RGB", (101, 100), "red").save(large, "PNG")
    assert hand_over(client, small.getvalue()) == 200
    assert hand_over(client, large.getvalue()) == 422
    assert hand_over(client, b"no photo") == 422
    too_much = {"Content-Length": str(MOST_UPLOAD_BYTES + (1 << 17))}
    answer = client.post("/api/v1/search", content=b"--x\r\n", headers=too_much)
    assert answer.status_code == 413
