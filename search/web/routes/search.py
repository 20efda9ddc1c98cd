"""Searches: by words, by photos, and by what is typed so far."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from indexer.errors import UsageError
from search.line import read_line
from search.query import Channel, Target
from search.web import models
from search.web.asking import Asked, answer

router = APIRouter()

Q = Annotated[str, Query(max_length=2000, description="The query, as one line of text.")]


@router.get("/search", response_model=models.Found)
def search(
    request: Request,
    *,
    q: Q = "",
    photo: str | None = None,
    like: str = "",
    unlike: str = "",
    target: Target = "photos",
    channels: str = "image,caption,words",
    diverse: Annotated[float | None, Query(ge=0, le=1)] = None,
    collapse: bool = True,
    min_confidence: Annotated[float, Query(ge=0, le=1)] = 0.0,
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
    cursor: str | None = None,
) -> Response:
    """Rank the library for a query; where nothing in it ranks, list what passes the filters."""
    asked = Asked(
        read_line(q),
        photo=photo,
        like=_ids(like),
        unlike=_ids(unlike),
        target=target,
        channels=_channels(channels),
        diverse=diverse,
        collapse=collapse,
        min_confidence=min_confidence,
        limit=limit,
        cursor=cursor,
    )
    return _json(answer(request.app.state.desk, asked))


def _json(value: models.Model) -> Response:
    return Response(value.model_dump_json(), media_type="application/json")


def _ids(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
        raise UsageError(f"{text!r} are no ids of photos. Write numbers with commas: 1,2.")
    return tuple(dict.fromkeys(map(int, parts)))


def _channels(text: str) -> tuple[Channel, ...]:
    named = dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
    return tuple(each for each in get_args(Channel) if each in named)
