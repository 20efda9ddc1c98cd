"""Errors as answers: application/problem+json (RFC 9457), one shape for all. Knows no routes."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from indexer.errors import (
    DecodeError,
    LibraryBusyError,
    LibraryError,
    LibraryNotFoundError,
    ModelError,
    PathNotFoundError,
    QueryError,
    SightseekError,
    UsageError,
)
from search.web.models import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

MEDIA_TYPE = "application/problem+json"

# the first that an error is one of
_KINDS: tuple[tuple[type[SightseekError], int, str], ...] = (
    (UsageError, 400, "usage"),
    (QueryError, 400, "query"),
    (DecodeError, 422, "photo"),
    (PathNotFoundError, 404, "not-found"),
    (LibraryNotFoundError, 503, "no-library"),
    (LibraryBusyError, 503, "library-busy"),
    (LibraryError, 503, "library"),
    (ModelError, 503, "model"),
    (SightseekError, 500, "error"),
)
_NAMES = {
    400: "usage", 401: "token", 403: "forbidden", 404: "not-found", 405: "method",
    406: "not-acceptable", 408: "timeout", 409: "changed", 413: "too-large", 415: "media-type",
    416: "range", 421: "host", 422: "values", 429: "busy", 503: "unavailable",
}  # fmt: skip
_LOG = logging.getLogger("uvicorn.error")  # the server's own


class TooBusyError(SightseekError):
    """There is as much to do as may wait; `seconds` is when to try again."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class NoSuchError(SightseekError):
    """What was asked for by its id is not in the library."""


class ChangedError(SightseekError):
    """A photo's file is not the one that was indexed."""


class GoneError(Exception):
    """Whoever asked went away while their request waited."""


def problem(
    status: int,
    kind: str,
    detail: str | None = None,
    *,
    instance: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer that says what went wrong, and `detail` with the remedy."""
    value = Problem(
        type=f"urn:sightseek:problem:{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=instance,
    )
    return Response(
        value.model_dump_json(exclude_none=True),
        status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def for_error(error: SightseekError) -> Response:
    """Return the answer for an error of ours: its message is a fact and a remedy."""
    if isinstance(error, TooBusyError):
        return problem(429, "busy", str(error), headers={"Retry-After": str(error.seconds)})
    if isinstance(error, NoSuchError):
        return problem(404, "not-found", str(error))
    if isinstance(error, ChangedError):
        return problem(409, "changed", str(error))
    status, kind = next((code, kind) for each, code, kind in _KINDS if isinstance(error, each))
    headers = {"Retry-After": "1"} if isinstance(error, LibraryBusyError) else None
    return problem(status, kind, str(error), headers=headers)


def install(app: FastAPI, *, seal: Mapping[str, str]) -> None:
    """Let an app answer every error so; `seal` are headers for what fails outside of the guard."""

    async def ours(_request: Request, error: Exception) -> Response:
        assert isinstance(error, SightseekError)
        return for_error(error)

    async def of_framework(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = None if error.detail == HTTPStatus(error.status_code).phrase else error.detail
        return problem(
            error.status_code,
            _NAMES.get(error.status_code, "error"),
            detail or _SAID.get(error.status_code),
            headers=error.headers,
        )

    async def of_values(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem(422, "values", "; ".join(map(_line, error.errors())))

    async def gone(_request: Request, _error: Exception) -> Response:
        return problem(503, "gone")  # nobody reads it

    async def unexpected(request: Request, error: Exception) -> Response:
        # the traceback goes to the terminal; whoever asked learns nothing of the inside
        _LOG.error("%s %s failed: %r", request.method, request.url.path, error)
        said = "Something unexpected happened. The terminal of sightseek serve says what."
        return problem(500, "error", said, headers=seal)

    app.add_exception_handler(SightseekError, ours)
    app.add_exception_handler(HTTPException, of_framework)
    app.add_exception_handler(RequestValidationError, of_values)
    app.add_exception_handler(GoneError, gone)
    app.add_exception_handler(Exception, unexpected)


_SAID = {
    404: "There is nothing at this address.",
    405: "This address does not answer to this method.",
}


def _line(error: Any) -> str:
    place = ".".join(str(each) for each in error["loc"][1:]) or str(error["loc"][0])
    return f"{place}: {error['msg']}"
