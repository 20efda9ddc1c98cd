"""The API and the page as one application. Knows no sockets."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.responses import Response

from indexer.errors import SightseekError, UsageError
from search.web.desk import Desk
from search.web.models import Problem
from search.web.routes import photos, search

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from indexer.encoders import Encoder

API = "/api/v1"


def make_app(folder: Path, load_model: Callable[[str], Encoder]) -> FastAPI:
    """Make the application that shows the library in a folder."""
    app = FastAPI(
        title="sightseek",
        version="1",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = Desk(folder, load_model)
    for router in (search.router, photos.router):
        app.include_router(router, prefix=API)
    app.add_exception_handler(SightseekError, _problem)
    if find_spec("search.web.pages"):
        pages: Any = import_module("search.web.pages")
        app.router.routes.extend(pages.page_routes())
    return app


async def _problem(_request: Request, error: Exception) -> Response:
    status = 400 if isinstance(error, UsageError) else 503
    value = Problem(
        type="urn:sightseek:problem:usage", title="Error", status=status, detail=str(error)
    )
    return Response(value.model_dump_json(), status, media_type="application/problem+json")
