"""How much is done at once, and how much may wait: the rest is told when to come again.

Each kind of work has a lane of its own, so that pictures never keep a search waiting.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread
from starlette.exceptions import HTTPException

from search.web.problems import GoneError, TooBusyError, problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")

MOST_UPLOAD_BYTES = 128 << 20  # of a request: a RAW photo has 100 MB
_MOST_UPLOADS = 4
_MOST_SILENCE = 30.0  # seconds between two pieces of an upload
_MULTIPART_BYTES = 1 << 16  # what a form may take beside its file


class Lane:
    """Work of one kind in threads: at most `parallel` at once, while `waiting` more wait."""

    def __init__(self, what: str, *, parallel: int, waiting: int, seconds: int = 1) -> None:
        self._what = what
        self._most = parallel + waiting
        self._seconds = seconds
        self._inside = 0
        self._turns = anyio.Semaphore(parallel)
        self._threads = anyio.CapacityLimiter(parallel)  # its own, not those of the framework

    async def run(
        self, work: Callable[[], T], *, is_gone: Callable[[], Awaitable[bool]] | None = None
    ) -> T:
        """Do work in a thread when it is its turn.

        Raises TooBusyError at once when too much waits already, and GoneError when whoever asked
        is not there any more by then.
        """
        async with self.turn(is_gone):
            return await to_thread.run_sync(work, limiter=self._threads)

    @asynccontextmanager
    async def turn(
        self, is_gone: Callable[[], Awaitable[bool]] | None = None
    ) -> AsyncIterator[None]:
        """Wait for one's turn, and keep it. Raises what `run` raises."""
        async with self.place(), self._turns:
            if is_gone is not None and await is_gone():
                raise GoneError
            yield

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take a place in the lane; raises TooBusyError when there is none."""
        if self._inside >= self._most:
            raise TooBusyError(
                f"There are more {self._what} to answer than this server takes on at once. "
                "Try again in a moment.",
                seconds=self._seconds,
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1


class Lanes:
    """The lanes of one server."""

    def __init__(self, cores: int | None = None) -> None:
        cores = cores or os.cpu_count() or 1
        self.searches = Lane("searches", parallel=max(2, min(4, cores)), waiting=16)
        # a photo at the pixel cap takes gigabytes while it is decoded
        self.decodes = Lane("pictures", parallel=max(1, min(4, cores)), waiting=64)
        self.files = Lane("files", parallel=8, waiting=128)
        self.streams = Lane("listeners", parallel=16, waiting=0, seconds=30)


class BodyLimit:
    """Refuses bodies of more than so many bytes, before all of one is read, and slow ones."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        most_bytes: int = MOST_UPLOAD_BYTES,
        most_at_once: int = _MOST_UPLOADS,
        most_silence: float = _MOST_SILENCE,
    ) -> None:
        self._app = app
        self._most = most_bytes + _MULTIPART_BYTES
        self._said = f"A photo may have {most_bytes:,} bytes, and this is more."
        self._most_at_once = most_at_once
        self._most_silence = most_silence
        self._reading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app read a body, as far as it may."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        told = next((value for key, value in scope["headers"] if key == b"content-length"), b"0")
        if not told.isdigit() or int(told) > self._most:
            await problem(413, "too-large", self._said)(scope, receive, send)
            return
        if self._reading >= self._most_at_once:
            busy = "Others are handing over photos just now. Try again in a moment."
            answer = problem(429, "busy", busy, headers={"Retry-After": "2"})
            await answer(scope, receive, send)
            return
        self._reading += 1
        try:
            await self._app(scope, self._limited(receive), send)
        finally:
            self._reading -= 1

    def _limited(self, receive: Receive) -> Receive:
        read = 0
        is_whole = False

        async def limited() -> Message:
            nonlocal read, is_whole
            if is_whole:  # what comes now is that the client goes, whenever that is
                return await receive()
            try:
                with anyio.fail_after(self._most_silence):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The rest of the photo did not come.") from None
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                is_whole = not message.get("more_body", False)
            if read > self._most:
                raise HTTPException(413, self._said)
            return message

        return limited
