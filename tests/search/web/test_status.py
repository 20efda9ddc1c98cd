"""The library's state and a run's progress, as the page is told of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest
from starlette.testclient import TestClient

from indexer.library import Library
from indexer.pipeline import index_photos
from indexer.progress import published
from indexer.records import Progress
from search.web.app import make_app
from search.web.limits import Lane, Lanes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder
    from fastapi import FastAPI
    from starlette.types import Message, Scope

STATUS = "/api/v1/status"
EVENTS = "/api/v1/index/progress"


@pytest.fixture
def app(tmp_path: Path, encoder: ColourEncoder) -> FastAPI:
    """The app of a library that is not there yet."""
    return make_app(tmp_path / "library", lambda _: encoder)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost")


def test_a_library_may_come_while_it_is_served(
    client: TestClient,
    tmp_path: Path,
    encoder: ColourEncoder,
    photos: Path,
    paint: Callable[..., Path],
) -> None:
    told = client.get(STATUS).json()
    assert (told["state"], told["photos"], told["model"]) == ("missing", 0, None)
    assert "sightseek index" in told["problem"]
    with Library.open(tmp_path / "library", writable=True) as library:
        assert client.get(STATUS).json()["state"] == "empty"
        paint(photos / "red.jpg", "red")
        (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff")
        index_photos(photos, library, encoder)
    told = client.get(STATUS).json()
    assert (told["state"], told["problem"]) == ("ready", None)
    assert (told["photos"], told["skipped"], told["model"]) == (1, 1, "colours")
    assert told["indexing"] == {
        "is_running": False, "stage": None, "done": 0, "total": 0, "photos": 1,
    }  # fmt: skip


def test_a_library_that_cannot_be_used_says_why(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "catalog.sqlite").write_bytes(b"no database" * 100)
    told = client.get(STATUS).json()
    assert told["state"] == "unusable"
    assert "damaged" in told["problem"]


def test_a_run_is_told_of_while_it_lasts(client: TestClient, tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", writable=True) as library:
        with published(library.path) as publish:
            publish(Progress("photos", 3, 9))
            told = client.get(STATUS).json()["indexing"]
            assert (told["is_running"], told["stage"]) == (True, "photos")
            assert (told["done"], told["total"]) == (3, 9)
        assert not client.get(STATUS).json()["indexing"]["is_running"]


class Listener:
    """Listens to events, as a browser does, until it goes."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._gone = anyio.Event()
        self._send, self._sent = anyio.create_memory_object_stream[bytes](100)
        self.status = 0
        self.ended = False

    def go(self) -> None:
        self._gone.set()

    async def listen(self) -> None:
        scope: Scope = {
            "type": "http",
            "method": "GET",
            "path": EVENTS,
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        await self._app(scope, self._receive, self._take)
        self.ended = True

    async def event(self) -> dict[str, object]:
        with anyio.fail_after(20):
            name, data = (await self._sent.receive()).decode().strip().split("\n")
        assert name == "event: progress"
        return json.loads(data.removeprefix("data: "))

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _take(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        if message.get("body"):
            await self._send.send(message["body"])


def test_progress_comes_as_events_until_the_server_stops(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.web.routes.status._EVERY", 0.001)

    async def listen() -> None:
        listener = Listener(app)
        with anyio.fail_after(40):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listener.listen)
                assert (await listener.event())["is_running"] is False
                with (
                    Library.open(tmp_path / "library", writable=True) as library,
                    published(library.path) as publish,
                ):
                    for done in (3, 9):
                        publish(Progress("photos", done, 9))
                        told = await listener.event()
                        assert (told["is_running"], told["done"]) == (True, done)
                assert (await listener.event())["is_running"] is False
                app.state.stopping.set()
        assert (listener.status, listener.ended) == (200, True)

    anyio.run(listen)


def test_who_listens_gives_the_place_back_when_they_go(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.web.routes.status._EVERY", 0.001)
    lanes: Lanes = app.state.lanes
    lanes.streams = Lane("listeners", parallel=1, waiting=0)

    async def listen() -> None:
        first, second, third = Listener(app), Listener(app), Listener(app)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first.listen)
            await first.event()
            with anyio.fail_after(20):
                await second.listen()
            assert second.status == 429
            first.go()
            with anyio.fail_after(20):
                while not first.ended:
                    await anyio.sleep(0.001)
            tasks.start_soon(third.listen)
            await third.event()
            third.go()
        assert (first.status, third.status) == (200, 200)

    anyio.run(listen)
