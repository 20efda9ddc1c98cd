"""Thumbnails and originals through the app, as a browser asks for them."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from starlette.testclient import TestClient

from indexer.pipeline import index_photos
from search.thumbnail_cache import ThumbnailCache
from search.web.app import make_app
from search.web.limits import Lane, Lanes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library

API = "/api/v1"
FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture
def lanes() -> Lanes:
    return Lanes()


@pytest.fixture
def client(
    tmp_path: Path,
    library: Library,
    encoder: ColourEncoder,
    photos: Path,
    paint: Callable[..., Path],
    lanes: Lanes,
) -> TestClient:
    """The API on a library whose photo 1 is `a large red one.png`, and photo 2 `turned.jpg`."""
    large = Image.new("RGB", (1000, 500), "red")
    large.putpixel((0, 0), (1, 2, 3))
    large.save(photos / "a large red one.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)}
    paint(photos / "turned.jpg", "blue", exif=exif.tobytes())
    index_photos(photos, library, encoder)
    app = make_app(
        library.path,
        lambda _: encoder,
        thumbnails=ThumbnailCache(tmp_path / "thumbnails"),
        lanes=lanes,
    )
    return TestClient(app, base_url="http://127.0.0.1:8765")


def test_a_thumbnail_is_the_size_that_was_asked_for_or_the_next(client: TestClient) -> None:
    for asked, side in ((160, 160), (300, 320), (320, 320), (1, 160), (2048, 1000)):
        answer = client.get(f"{API}/photos/1/thumbnail", params={"size": asked})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        with Image.open(BytesIO(answer.content)) as image:
            assert (image.format, image.size) == ("WEBP", (side, side // 2))


def test_a_thumbnail_is_upright_and_says_nothing_of_its_photo(client: TestClient) -> None:
    answer = client.get(f"{API}/photos/2/thumbnail")
    with Image.open(BytesIO(answer.content)) as image:
        assert image.size == (16, 24)
        assert not set(image.info) & {"exif", "xmp"}


def test_pictures_are_kept_forever_by_their_version_and_asked_after_otherwise(
    client: TestClient,
) -> None:
    version = client.get(f"{API}/photos/1").json()["version"]
    for kind in ("thumbnail", "original"):
        url = f"{API}/photos/1/{kind}"
        assert client.get(url, params={"v": version}).headers["cache-control"] == FOREVER
        assert (
            client.get(url, params={"v": "0" * 32}).headers["cache-control"] == "private, no-cache"
        )
        answer = client.get(url)
        assert answer.headers["cache-control"] == "private, no-cache"
        known = {"If-None-Match": f'"other", W/{answer.headers["etag"]}'}
        again = client.get(url, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    sizes = {
        client.get(f"{API}/photos/1/thumbnail", params={"size": size}).headers["etag"]
        for size in (160, 320)
    }
    assert len(sizes) == 2


def test_an_original_is_sent_as_it_is(client: TestClient, photos: Path) -> None:
    data = (photos / "a large red one.png").read_bytes()
    answer = client.get(f"{API}/photos/1/original")
    assert (answer.content, answer.headers["content-type"]) == (data, "image/png")
    assert answer.headers["content-disposition"].startswith(
        'inline; filename="a large red one.png"'
    )
    part = client.get(f"{API}/photos/1/original", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, data[5:10])
    kept = client.get(f"{API}/photos/1/original", params={"download": "true"})
    assert kept.headers["content-disposition"].startswith("attachment; ")


def test_head_tells_what_get_would(client: TestClient) -> None:
    for kind in ("thumbnail", "original"):
        url = f"{API}/photos/1/{kind}"
        told, got = client.head(url), client.get(url)
        assert (told.status_code, told.content) == (200, b"")
        for name in ("content-length", "content-type", "etag"):
            assert told.headers[name] == got.headers[name]


def test_photos_are_had_by_their_ids_alone(client: TestClient) -> None:
    wrong = {
        "3": 404,
        str(2**63 - 1): 404,
        str(2**63): 422,
        "0": 422,
        "-1": 422,
        "a large red one.png": 422,
        "..%2F..%2Fcatalog.sqlite": 404,
        "%2Fetc%2Fpasswd": 404,
    }
    for kind in ("", "/thumbnail", "/original"):
        for photo_id, code in wrong.items():
            answer = client.get(f"{API}/photos/{photo_id}{kind}")
            assert answer.status_code == code, photo_id
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == code


def test_a_photo_that_changed_is_not_shown_as_the_one_that_was_indexed(
    client: TestClient, photos: Path
) -> None:
    path = photos / "a large red one.png"
    seen = client.get(f"{API}/photos/1/thumbnail").content
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for answer in (
        client.get(f"{API}/photos/1/original"),
        client.get(f"{API}/photos/1/thumbnail", params={"size": 640}),
    ):
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:sightseek:problem:changed"
        assert "sightseek index" in answer.json()["detail"]
    assert client.get(f"{API}/photos/1/thumbnail").content == seen  # of what was indexed


def test_a_link_in_a_photos_place_shows_nothing_else(client: TestClient, photos: Path) -> None:
    path = photos / "a large red one.png"
    other = photos.parent / "not in the library.png"
    Image.new("RGB", (1000, 500), "green").save(other)
    path.unlink()
    path.symlink_to(other)
    for kind in ("thumbnail", "original"):
        assert client.get(f"{API}/photos/1/{kind}").status_code == 409


def test_a_photo_that_is_gone_is_told(client: TestClient, photos: Path) -> None:
    (photos / "turned.jpg").unlink()
    for kind in ("thumbnail", "original"):
        answer = client.get(f"{API}/photos/2/{kind}")
        assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")


def test_a_photo_of_too_many_pixels_is_not_decoded(
    library: Library, encoder: ColourEncoder, client: TestClient, tmp_path: Path
) -> None:
    cache = ThumbnailCache(tmp_path / "others")
    app = make_app(library.path, lambda _: encoder, thumbnails=cache, max_pixels=499_999)
    answer = TestClient(app, base_url="http://localhost").get(f"{API}/photos/1/thumbnail")
    assert answer.status_code == 422
    assert "500,000 pixels" not in answer.text
    assert "1,000 x 500" in answer.json()["detail"]


def test_more_pictures_than_are_made_at_once_are_told_to_come_again(
    client: TestClient, lanes: Lanes
) -> None:
    kept = client.get(f"{API}/photos/1/thumbnail")
    lanes.decodes = Lane("pictures", parallel=0, waiting=0)
    answer = client.get(f"{API}/photos/1/thumbnail", params={"size": 640})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["type"] == "urn:sightseek:problem:busy"
    assert client.get(f"{API}/photos/1/thumbnail").content == kept.content
    assert client.get(f"{API}/search", params={"q": "red"}).status_code == 200


def test_more_searches_than_are_made_at_once_are_told_to_come_again(
    client: TestClient, lanes: Lanes
) -> None:
    lanes.searches = Lane("searches", parallel=0, waiting=0)
    for path in ("search?q=red", "search"):
        answer = client.get(f"{API}/{path}")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert client.get(f"{API}/photos/1/thumbnail").status_code == 200
