"""The library's state, and how far a run of the indexer is while it writes to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from indexer.catalog import captions, photos
from indexer.errors import LibraryError, LibraryNotFoundError
from search.web import models

if TYPE_CHECKING:
    from starlette.datastructures import State

router = APIRouter(tags=["library"])

_EVERY = 0.5  # seconds, as an indexer writes it down


@router.get("/status")
def status(request: Request) -> models.Status:
    """Tell what the library holds, and whether it can be searched."""
    return _status(request.app.state)


async def _listening(request: Request) -> AsyncIterator[None]:
    async with request.app.state.lanes.streams.place():
        yield


@router.get(
    "/index/progress", response_class=EventSourceResponse, dependencies=[Depends(_listening)]
)
async def progress(request: Request) -> AsyncIterator[ServerSentEvent]:
    """Tell how far the indexer is, again whenever that changes: events named `progress`."""
    state = request.app.state
    told = None
    while not state.stopping.is_set():
        found = await to_thread.run_sync(partial(_progress, state))
        if found != told:
            yield ServerSentEvent(event="progress", data=found)
            told = found
        await anyio.sleep(_EVERY)


def _status(state: State) -> models.Status:
    about = {"version": version("sightseek"), "library": str(state.desk.folder)}
    try:
        library = state.desk.library()
        space = library.space
        with library.reading() as connection:
            held = photos.count(connection)
            told = captions.count(connection)
            skipped = photos.count_skipped(connection)
    except LibraryError as error:
        is_missing = isinstance(error, LibraryNotFoundError)
        return models.Status(
            **about,
            state="missing" if is_missing else "unusable",
            problem=str(error),
            indexing=_running(state, held=0),
        )
    return models.Status(
        **about,
        state="ready" if held else "empty",
        model=space.model if space else None,
        photos=held,
        captions=told,
        skipped=skipped,
        indexing=_running(state, held=held),
    )


def _progress(state: State) -> models.Progress:
    try:
        with state.desk.library().reading() as connection:
            held = photos.count(connection)
    except LibraryError:
        held = 0
    return _running(state, held=held)


def _running(state: State, *, held: int) -> models.Progress:
    found = state.watch.read()
    if found is None:
        return models.Progress(is_running=False, photos=held)
    return models.Progress(
        is_running=True, stage=found.stage, done=found.done, total=found.total, photos=held
    )
