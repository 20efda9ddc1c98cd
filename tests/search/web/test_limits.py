"""How much is done at once, how much may wait, and how large a body may be."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from search.web import limits
from search.web.limits import BodyLimit, Lane
from search.web.problems import GoneError, TooBusyError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message, Scope

POST: Scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}


class Work:
    """Work that lasts until it is let go, and counts how much of it is done at once."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._at_once = 0
        self.most_at_once = 0
        self.done = 0

    def __call__(self) -> None:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.begun.release()
        assert self.go_on.wait(20)
        with self._lock:
            self._at_once -= 1
            self.done += 1


async def begun(work: Work) -> None:
    assert await to_thread.run_sync(partial(work.begun.acquire, timeout=20))


def test_so_much_is_done_at_once_and_so_much_waits_and_the_rest_is_told_when_to_come() -> None:
    work = Work()
    refused = []

    async def one(lane: Lane) -> None:
        try:
            await lane.run(work)
        except TooBusyError as error:
            refused.append(error.seconds)

    async def all_of_them() -> None:
        lane = Lane("searches", parallel=2, waiting=3, seconds=7)
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(one, lane)
            await begun(work)
            await begun(work)
            with anyio.fail_after(20):
                while len(refused) < 3:
                    await anyio.sleep(0.001)
            work.go_on.set()
        await lane.run(work)  # there is room again

    anyio.run(all_of_them)
    assert (work.most_at_once, work.done, refused) == (2, 6, [7, 7, 7])


def test_a_full_lane_of_pictures_keeps_no_search_waiting() -> None:
    pictures = Work()

    async def both() -> None:
        lanes = limits.Lanes(cores=1)
        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(lanes.decodes.run, pictures)
            await begun(pictures)
            with anyio.fail_after(20):
                assert await lanes.searches.run(lambda: "found") == "found"
            pictures.go_on.set()

    anyio.run(both)
    assert pictures.done == 40


def test_nothing_is_done_for_who_went_away_meanwhile() -> None:
    work = Work()

    async def gone() -> bool:
        return True

    async def one() -> None:
        with pytest.raises(GoneError):
            await Lane("pictures", parallel=1, waiting=1).run(work, is_gone=gone)

    anyio.run(one)
    assert work.done == 0


def test_a_place_is_given_back_when_work_fails() -> None:
    async def fail_often() -> None:
        lane = Lane("searches", parallel=1, waiting=0)
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await lane.run(lambda: 1 / 0)

    anyio.run(fail_often)


async def _length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def client(**options: float) -> TestClient:
    app = Starlette(routes=[Route("/", _length, methods=["GET", "POST"])])
    return TestClient(BodyLimit(app, **options))


def test_a_body_of_less_is_read() -> None:
    body = b"x" * (1000 + limits._MULTIPART_BYTES)
    assert client(most_bytes=1000).post("/", content=body).text == str(len(body))


@pytest.mark.parametrize("length", ["99999999999", "-1", "1e3"])
def test_a_length_of_more_is_refused_before_anything_is_read(length: str) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("it was read")

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(*_: object) -> None:
        raise AssertionError("it was asked")

    headers = [(b"content-length", length.encode())]
    scope: Scope = {"type": "http", "method": "POST", "headers": headers}
    anyio.run(BodyLimit(app, most_bytes=1000), scope, receive, send)
    assert sent[0]["status"] == 413


def test_a_body_without_a_length_is_refused_while_it_comes() -> None:
    sent: list[Message] = []
    came = 0

    async def endless() -> Message:
        nonlocal came
        came += 10_000
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": came < 10**8}

    async def send(message: Message) -> None:
        sent.append(message)

    app = Starlette(routes=[Route("/", _length, methods=["POST"])])
    anyio.run(BodyLimit(app, most_bytes=1000), POST, endless, send)
    assert sent[0]["status"] == 413
    assert came <= 1000 + limits._MULTIPART_BYTES + 10_000


def test_a_body_that_stops_coming_is_not_waited_for() -> None:
    sent: list[Message] = []

    async def silent() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    app = Starlette(routes=[Route("/", _length, methods=["POST"])])
    anyio.run(BodyLimit(app, most_silence=0.01), POST, silent, send)
    assert sent[0]["status"] == 408


def test_only_so_many_bodies_are_read_at_once() -> None:
    answers: list[int] = []

    async def both() -> None:
        wait = anyio.Event()

        async def slow(scope: Scope, receive: object, send: object) -> None:
            await wait.wait()
            await PlainTextResponse("")(scope, receive, send)

        limited = BodyLimit(slow, most_at_once=2)

        async def one() -> None:
            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answers.append(message["status"])

            scope: Scope = {"type": "http", "method": "POST", "headers": []}
            await limited(scope, anyio.sleep_forever, send)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(one)
            with anyio.fail_after(20):
                while not answers:
                    await anyio.sleep(0.001)
            wait.set()

    anyio.run(both)
    assert answers == [429, 200, 200]
