from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar

import pytest
from PIL import Image

from indexer.errors import DecodeError, FetchError
from indexer.pipeline import index_photos
from search.engine import SearchEngine
from search.fetch import fetch
from search.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library


def png(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (20, 20), colour).save(file, "PNG")
    return file.getvalue()


class Pages(BaseHTTPRequestHandler):
    """The ways of servers, by path."""

    protocol_version = "HTTP/1.1"
    stop = threading.Event()
    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.close_connection = True
        self.asked.append((self.path, dict(self.headers)))
        path, _, argument = self.path.partition("?")
        getattr(self, f"page_{path.strip('/')}", self.page_missing)(argument)

    def page_missing(self, _: str) -> None:
        self.send_error(404)

    def page_red(self, _: str) -> None:
        self.answer(png("red"))

    def page_text(self, _: str) -> None:
        self.answer(b"<!DOCTYPE html><p>no photo")

    def page_nothing(self, _: str) -> None:
        self.answer(b"")

    def page_bytes(self, count: str) -> None:
        self.answer(b"x" * int(count))

    def page_unsized(self, count: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * int(count))

    def page_chunked(self, count: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(int(count)):
            self.wfile.write(b"5\r\nhello\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def page_boast(self, count: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", count)
        self.end_headers()
        self.wfile.write(b"x")

    def page_drip(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.stop.wait(0.02):
            self.wfile.write(b"x")

    def page_hang(self, _: str) -> None:
        self.stop.wait(10)

    def page_to(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def page_loop(self, _: str) -> None:
        self.page_to("/loop")

    def page_trail(self, count: str) -> None:
        self.stop.wait(0.05)
        self.page_to(f"/trail?{int(count) + 1}")

    def page_garbage(self, _: str) -> None:
        self.wfile.write(b"\0\1\2 what is HTTP?\r\n\r\n")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        pass  # clients leave early here: that is the point


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def site() -> Iterator[str]:
    Pages.stop.clear()
    Pages.asked.clear()
    with Server(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        Pages.stop.set()
        server.shutdown()
        thread.join()


@contextmanager
def refused(*parts: str, within: float = 8.0) -> Iterator[None]:
    """One line that names each part, and soon."""
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        yield
    assert time.monotonic() - started < within
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert all(part in message for part in parts), message


def test_a_photo_is_fetched(site: str) -> None:
    assert fetch(f"{site}/red") == png("red")
    assert fetch(f"{site}/red#part") == png("red")
    assert Pages.asked[-1][0] == "/red"
    assert Pages.asked[-1][1]["User-Agent"] == "sightseek"


@pytest.mark.parametrize("page", ["unsized?70000", "bytes?70000", "chunked?14000"])
def test_every_way_of_sending_is_read_whole(site: str, page: str) -> None:
    assert len(fetch(f"{site}/{page}")) == 70000


def test_redirects_on_the_web_are_followed(site: str) -> None:
    assert fetch(f"{site}/to?/red") == png("red")
    assert fetch(f"{site}/to?{site}/red") == png("red")


def test_an_address_as_a_browser_shows_it_is_fetched(site: str) -> None:
    with refused("404"):
        fetch(f"{site}/été à la plage.jpg?größe=1&x=%20y")
    assert Pages.asked[-1][0] == (
        "/%C3%A9t%C3%A9%20%C3%A0%20la%20plage.jpg?gr%C3%B6%C3%9Fe=1&x=%20y"
    )


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://127.0.0.1/a.jpg", "data:image/png;base64,AAAA", "gopher://x/y"],
)
def test_a_redirect_leaves_the_web_for_nothing(site: str, target: str) -> None:
    with refused(f"{site}/to"):
        fetch(f"{site}/to?{target}")


def test_a_circle_of_redirects_ends(site: str) -> None:
    with refused("/loop", "302"):
        fetch(f"{site}/loop")


def test_a_trail_of_redirects_ends_in_time(site: str) -> None:
    with refused("takes longer than 0.12 s"):
        fetch(f"{site}/trail?0", max_seconds=0.12)


def test_an_error_of_the_server_is_named(site: str) -> None:
    with refused(f"{site}/none answered 404 Not Found. Check the URL."):
        fetch(f"{site}/none")


@pytest.mark.parametrize("page", ["bytes?1001", "unsized?1001", "chunked?201", "boast?1000000000"])
def test_what_is_too_large_is_refused(site: str, page: str) -> None:
    with refused("is larger than", "Download it"):
        fetch(f"{site}/{page}", max_bytes=1000)


@pytest.mark.parametrize("page", ["bytes?1000", "unsized?1000", "chunked?200"])
def test_what_is_just_as_large_as_allowed_is_read(site: str, page: str) -> None:
    assert len(fetch(f"{site}/{page}", max_bytes=1000)) == 1000


def test_a_size_limit_is_given_in_mebibytes(site: str) -> None:
    with refused("larger than 0.5 MiB"):
        fetch(f"{site}/bytes?600000", max_bytes=1 << 19)


def test_a_slow_drip_is_given_up(site: str) -> None:
    with refused("takes longer than 0.2 s"):
        fetch(f"{site}/drip", max_seconds=0.2)


def test_a_server_that_says_nothing_is_given_up(site: str) -> None:
    with refused(f"{site}/hang", "takes longer"):
        fetch(f"{site}/hang", max_seconds=0.2)


def test_a_connection_that_nobody_answers_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/a.jpg"
        with refused("takes longer"):
            fetch(url, max_seconds=0.2)


def test_headers_that_drip_are_given_up() -> None:
    given_up = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not given_up.wait(0.05):
                connection.sendall(b"X-More: yes\r\n")

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = threading.Thread(target=drip, args=(listening,))
        server.start()
        with refused("takes longer than 0.2 s"):
            fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/a.jpg", max_seconds=0.2)
        given_up.set()
        server.join()


def test_a_connection_that_is_refused_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    with refused(f"http://127.0.0.1:{port}/a.jpg cannot be reached", "refused"):
        fetch(f"http://127.0.0.1:{port}/a.jpg")


def test_what_is_not_http_is_named(site: str) -> None:
    with refused("/garbage"):
        fetch(f"{site}/garbage")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://127.0.0.1/a.jpg", "data:image/png;base64,AAAA", "a.jpg", "",
        "http:/a", "http://", "http:///a.jpg", "http://[::1", "http://127.0.0.1:port/",
        "http://127.0.0.1:99999/", "http://a b/", "http://127.0.0.1\r\nX: y/", "http://\ud800/",
        "http://a..b/", "http://" + "a" * 300 + "/", "http://user@:80/", "https://?x",
    ],
)  # fmt: skip
def test_what_is_no_url_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(url)
    assert str(caught.value)


def test_a_photo_of_the_web_is_searched_by(
    site: str,
    library: Library,
    encoder: ColourEncoder,
    photos: Path,
    paint: Callable[..., Path],
) -> None:
    red = paint(photos / "red.png", "red")
    paint(photos / "blue.png", "blue")
    index_photos([photos], library, encoder)
    hits = SearchEngine(library, encoder).search(Query.parse([f"{site}/red"])).hits
    assert [hit.photo.path.name for hit in hits] == ["red.png", "blue.png"]
    assert hits[0].photo.path == red
    assert hits[0].score == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("page", ["text", "nothing"])
def test_a_page_that_is_no_photo_is_named(
    site: str,
    library: Library,
    encoder: ColourEncoder,
    photos: Path,
    paint: Callable[..., Path],
    page: str,
) -> None:
    paint(photos / "red.png", "red")
    index_photos([photos], library, encoder)
    with pytest.raises(DecodeError, match=f"{site}/{page} cannot be searched by: the file"):
        SearchEngine(library, encoder).search(Query.parse([f"{site}/{page}"]))
