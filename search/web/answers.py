"""Values as answers, with what tells a browser that it has one already. Knows no library."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request
    from pydantic import BaseModel

_KEEP = "private, no-cache"  # to be asked for again, with what is known


async def answer(request: Request, make: Callable[[], BaseModel]) -> Response:
    """Answer with a value of the library in its present state, made when it is its turn.

    Nothing is made for a browser that has the value of this state and this address. Raises what
    `make` raises, and TooBusyError.
    """
    state = request.app.state
    # the state is named first: what is made may be newer, and is then made once more
    etag = _etag(request.url.path, request.url.query, state.desk.state(), state.version)
    headers = {"ETag": etag, "Cache-Control": _KEEP}
    if etag in request.headers.get("if-none-match", "").replace(",", " ").split():
        return Response(status_code=304, headers=headers)
    text = await state.lanes.searches.run(partial(_written, make), is_gone=request.is_disconnected)
    return Response(text, media_type="application/json", headers=headers)


async def answer_once(request: Request, make: Callable[[], BaseModel]) -> Response:
    """Answer with a value that no one keeps."""
    state = request.app.state
    text = await state.lanes.searches.run(partial(_written, make), is_gone=request.is_disconnected)
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


def _written(make: Callable[[], BaseModel]) -> str:
    return make().model_dump_json()


def _etag(*parts: str) -> str:
    digest = blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
    return f'W/"{digest}"'
