"""The API and the page as one application. Knows no sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from threading import Event, Thread
from typing import TYPE_CHECKING

from fastapi import FastAPI

from indexer.decode.photo import DEFAULT_MAX_PIXELS
from indexer.errors import SightseekError
from indexer.progress import Watch
from search.thumbnail_cache import ThumbnailCache, default_folder
from search.web import guard, problems
from search.web.desk import Desk
from search.web.document import describe
from search.web.limits import BodyLimit, Lanes
from search.web.originals import Originals
from search.web.pages import page_routes
from search.web.routes import facets, photos, pictures, search, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from indexer.encoders import Encoder

API = "/api/v1"


def make_app(
    folder: Path,
    load_model: Callable[[str], Encoder],
    *,
    door: guard.Door | None = None,
    thumbnails: ThumbnailCache | None = None,
    lanes: Lanes | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    stopping: Event | None = None,
) -> FastAPI:
    """Make the application that shows the library in a folder.

    Without a `door` only loopback's names are known; `stopping` ends the streams of a server.
    """
    app = FastAPI(
        title="sightseek",
        version="1",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # it would be loaded from another host
        redoc_url=None,
        lifespan=_warmed,
    )
    app.state.version = version("sightseek")
    app.state.desk = Desk(folder, load_model, max_pixels=max_pixels)
    app.state.lanes = lanes or Lanes()
    app.state.thumbnails = thumbnails or ThumbnailCache(default_folder())
    app.state.originals = Originals()
    app.state.watch = Watch(folder)
    app.state.max_pixels = max_pixels
    app.state.stopping = stopping or Event()
    for each in (search, photos, pictures, facets, status):
        app.include_router(each.router, prefix=API)
    problems.install(app, seal=guard.HEADERS)
    describe(app)
    app.router.routes.extend(page_routes())
    app.add_middleware(BodyLimit)
    app.add_middleware(guard.Guard, door=door or guard.Door())  # around all that is above
    return app


@asynccontextmanager
async def _warmed(app: FastAPI) -> AsyncIterator[None]:
    """Load the library and its model while the first page is already shown; let go at the end."""
    # no daemon: a process that ends while a thread is in ONNX Runtime or FAISS is aborted
    Thread(target=_warm, args=(app.state.desk,), name="warm", daemon=False).start()
    yield
    app.state.desk.close()


def _warm(desk: Desk) -> None:
    with suppress(SightseekError):  # the page says what is wrong when it is asked for
        desk.warm()
