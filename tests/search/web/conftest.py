"""What tests of the page share: a library of colours, a server, a browser that hears complaints."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import uvicorn
from PIL import Image, ImageColor, ImageDraw
from playwright.sync_api import Error, expect, sync_playwright
from sqlalchemy import insert

from indexer.catalog import embeddings
from indexer.catalog.schema import photo
from indexer.library import Library
from indexer.pipeline import index_photos
from indexer.records import READING
from search.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import ColourEncoder
    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",  # tests run as root, and open pages of their own alone
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
# where Playwright keeps browsers, before tests have a cache of their own
if sys.platform == "linux":
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(cache / "ms-playwright"))

PATIENCE = 15_000  # milliseconds: other tests run beside these on all cores
COLOURS = ("red", "green", "blue", "white", "yellow", "purple", "orange")
SHAPES = ((300, 200), (200, 300), (240, 240), (420, 150))  # wide, tall, square, a panorama


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    # its event loop runs in this thread until it stops: modules that run their own come after it
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = _chromium(playwright)
    if path is None:
        pytest.skip(
            "no Chromium: install one (apt-get install chromium, playwright install chromium), or "
            "name its program in SIGHTSEEK_CHROMIUM"
        )
    launched = playwright.chromium.launch(executable_path=path, args=QUIET)
    yield launched
    launched.close()


def _chromium(playwright: Playwright) -> str | None:
    named = os.environ.get("SIGHTSEEK_CHROMIUM")
    if named:
        return named
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    own = playwright.chromium.executable_path
    return found or (own if Path(own).exists() else None)


@pytest.fixture(scope="session")
def colour_library(tmp_path_factory: pytest.TempPathFactory, colour_encoder: ColourEncoder) -> Path:
    """A library of 28 photos: four shapes of each colour, `home/red-0.jpg` to `trip/orange-3.jpg`.

    Those of the first shape were taken in January of 2020 with one camera, those of the second in
    February with another, and so on. Stripes make them unlike each other, but for `red-0` and its
    copy `red-0-copy.jpg`.
    """
    folder = tmp_path_factory.mktemp("colours")
    for number, colour in enumerate(
        ("red", "green", "blue", "white", "yellow", "purple", "orange")
    ):
        for kind in range(len(SHAPES)):
            place = folder / "photos" / ("home" if kind % 2 == 0 else "trip")
            _paint(place / f"{colour}-{kind}.jpg", colour, kind, stripe=number * 4 + kind)
    copied = folder / "photos" / "home" / "red-0.jpg"
    shutil.copy(copied, copied.with_name("red-0-copy.jpg"))
    with Library.open(folder / "library", writable=True) as library:
        index_photos([folder / "photos"], library, colour_encoder)
    return folder / "library"


@pytest.fixture(scope="session")
def stacked_library(
    tmp_path_factory: pytest.TempPathFactory, colour_encoder: ColourEncoder
) -> Path:
    """A library of 114 photos in 2 pages: some are copies, and make stacks in a ranking."""
    folder = tmp_path_factory.mktemp("stacked")
    (folder / "photos").mkdir()
    for number in range(112):  # blocks of black at random: no two show the same
        chosen = random.Random(number)
        pixels = [COLOURS[number % 7] if chosen.random() < 0.7 else "black" for _ in range(48)]
        image = Image.new("RGB", (8, 6))
        image.putdata([ImageColor.getrgb(pixel) for pixel in pixels])
        large = image.resize((320, 240), Image.Resampling.NEAREST)
        large.save(folder / "photos" / f"{number:03}.jpg")
    for name in ("000", "001"):
        copied = folder / "photos" / f"{name}.jpg"
        shutil.copy(copied, copied.with_name(f"{name}-copy.jpg"))
    with Library.open(folder / "library", writable=True) as library:
        index_photos([folder / "photos"], library, colour_encoder)
    return folder / "library"


def _paint(path: Path, colour: str, kind: int, *, stripe: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = SHAPES[kind]
    image = Image.new("RGB", (width, height), colour)
    draw = ImageDraw.Draw(image)
    left, top = stripe % 7 * width // 8, stripe // 7 * height // 5
    draw.rectangle((left, top, left + width // 8, top + height // 5), fill="black")
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = ("Colour", f"Camera {kind}")
    exif.get_ifd(0x8769)[0x9003] = f"2020:0{kind + 1}:0{1 + stripe // 4} 12:00:00"
    image.save(path, exif=exif)


@pytest.fixture(scope="session")
def serve(colour_encoder: ColourEncoder) -> Iterator[Callable[[Path], str]]:
    """Serve the library at a folder, and give the address; each is served once."""
    served = dict[Path, tuple[str, uvicorn.Server, threading.Thread]]()

    def address(folder: Path) -> str:
        if folder not in served:
            served[folder] = _started(folder, lambda _: colour_encoder)
        return served[folder][0]

    yield address
    for _, server, thread in served.values():
        server.should_exit = True
        thread.join()


def _started(
    folder: Path, load_model: Callable[[str], ColourEncoder]
) -> tuple[str, uvicorn.Server, threading.Thread]:
    listening = socket.create_server(("127.0.0.1", 0))  # connections wait until it serves
    app = make_app(folder, load_model)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, lifespan="on")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", server, thread


@pytest.fixture(scope="session")
def site(serve: Callable[[Path], str], colour_library: Path) -> str:
    """The address at which the library of colours is served."""
    return serve(colour_library)


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Iterator[Pages]:
    kept = Pages(browser)
    yield kept
    kept.close()


@pytest.fixture
def open_page(pages: Pages) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser without a past, with the options of a browser's context.

    The test fails on an error of a script, a message of the console, a violation of the content
    security policy, and on any request to another host. `expect` names states of HTTP, and parts of
    messages, that are no failure.
    """
    yield pages.open
    assert not pages.end()


class Pages:
    """Pages of a browser, each lent to one test after the other: to open one takes long.

    What a test leaves behind, as cookies, storage and routes, is gone before the next one; what
    the browser loaded and may keep is not.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: dict[str, list[Page]] = defaultdict(list)  # by their options
        self._lent: list[tuple[str, Page]] = []
        self._hosts = set[str]()
        self._expected = list[str]()
        self._complaints = list[str]()

    def open(self, address: str, *, expect: tuple[int | str, ...] = (), **options: object) -> Page:
        self._hosts.add(urlsplit(address).netloc)
        self._expected += [
            f"status of {each} " if isinstance(each, int) else each for each in expect
        ]
        idle = self._idle[repr(options)]
        page = idle.pop() if idle else self._new(options)
        self._lent.append((repr(options), page))
        page.goto(address)
        return page

    def end(self) -> list[str]:
        """Take back what was lent, and return what was wrong."""
        for options, page in self._lent:
            try:
                page.unroute_all()
                page.evaluate("localStorage.clear()")
                page.context.clear_cookies()
                page.goto("about:blank")
            except Error as error:
                self._complaints.append(str(error))
            self._idle[options].append(page)
        complaints, self._complaints = self._complaints, []
        self._lent, self._hosts, self._expected = [], set(), []
        return complaints

    def close(self) -> None:
        for page in chain.from_iterable(self._idle.values()):
            page.context.close()

    def _new(self, options: dict[str, object]) -> Page:
        context = self._browser.new_context(
            **({"locale": "en-GB", "reduced_motion": "reduce"} | options)
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        context.on("request", self._on_request)
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self._complaints.append(f"script: {error}"))
        return page

    def _on_message(self, message: ConsoleMessage) -> None:
        is_expected = any(each in message.text for each in self._expected)
        if message.type in {"error", "warning"} and not is_expected:
            self._complaints.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"about", "blob", "data"} and parts.netloc not in self._hosts:
            self._complaints.append(f"request to another host: {request.url}")


def _as_said(expected: int | str) -> str:
    return f"status of {expected} " if isinstance(expected, int) else expected


@pytest.fixture(scope="session")
def vast_library(tmp_path_factory: pytest.TempPathFactory, colour_encoder: ColourEncoder) -> Path:
    """A library of 20,000 photos of four files: `00000.jpg`, the oldest, to `19999.jpg`."""
    return write_vast(tmp_path_factory.mktemp("vast"), 20_000, colour_encoder)


def write_vast(folder: Path, count: int, encoder: ColourEncoder) -> Path:
    """Write a library of many photos as rows, each at a path of its own, none read."""
    files = [folder / f"{kind}.jpg" for kind in range(len(SHAPES))]
    for kind, file in enumerate(files):
        _paint(file, COLOURS[kind], kind, stripe=kind)
    vectors = encoder.encode_images([encoder.preprocess(Image.open(file)) for file in files])
    hashes = [blake2b(file.read_bytes(), digest_size=16).digest() for file in files]
    stamps = [file.stat() for file in files]
    photos = folder / "photos"
    photos.mkdir()
    rows = []
    for number in range(count):
        kind = number * 7 % 11 % len(SHAPES)
        path = photos / f"{number:05}.jpg"
        path.hardlink_to(files[kind])
        width, height = SHAPES[kind]
        rows.append(
            {
                "path": str(path),
                "size": stamps[kind].st_size,
                "mtime_ns": stamps[kind].st_mtime_ns,
                "content_hash": hashes[kind],
                "width": width,
                "height": height,
                "format": "JPEG",
                "taken_at": f"{datetime(2001, 1, 1, tzinfo=UTC) + timedelta(hours=number):%FT%T}",
                "indexed_at": "2026-01-01T00:00:00+00:00",
                "reading": READING,
            }
        )
    with Library.open(folder / "library", writable=True) as library:
        space = library.use_space(encoder.space)
        with library.writing() as connection:
            connection.execute(insert(photo), rows)
            of = dict(zip(hashes, vectors, strict=True))
            embeddings.add(connection, embeddings.PHOTOS, space, of)
    return folder / "library"
