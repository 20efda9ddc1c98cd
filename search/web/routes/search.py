"""Searches: by words, by a photo that is handed over, and what is typed so far."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, get_args

from fastapi import APIRouter, Depends, File, Form, Path, Query, Request, UploadFile
from fastapi.responses import Response

from indexer.errors import DecodeError, UsageError
from search.line import read_line
from search.query import Channel, Target
from search.web import models
from search.web.answers import answer, answer_once
from search.web.asking import Asked, page_of
from search.web.completing import complete
from search.web.examples import ASKED_FOR, COMPLETIONS, FOUND, shown
from search.web.rendering import asked_for

if TYPE_CHECKING:
    from search.web.desk import Desk

router = APIRouter(tags=["search"])

MOST = 2000  # characters of a query

Line = Annotated[
    str,
    Query(
        max_length=MOST,
        description="The query, in one line: words, `+` and `-` between terms, `2:term`, filters.",
        examples=['horse - 0.5:"old fence" after:2021'],
    ),
]
Key = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["b3499d13de71cce74a6eda577ba948d8"])]
_IDS = r"^[0-9]{1,18}(,[0-9]{1,18}){0,99}$|^$"


@dataclass(frozen=True, slots=True)
class _Options:
    """What a search is asked with beside its words."""

    like: str = ""
    unlike: str = ""
    target: Target = "photos"
    channels: str = ",".join(get_args(Channel))
    diverse: float | None = None
    collapse: bool = True
    min_confidence: float = 0.0
    limit: int = 60
    cursor: str | None = None

    def asked(self, q: str, photo: str | None) -> Asked:
        """Read what is asked for. Raises UsageError."""
        named = tuple(dict.fromkeys(filter(None, self.channels.split(","))))
        if unknown := [each for each in named if each not in get_args(Channel)]:
            raise UsageError(f"{unknown[0]!r} is no channel. Choose from image, caption, words.")
        return Asked(
            read_line(q),
            photo=photo or None,
            like=_ids(self.like),
            unlike=_ids(self.unlike),
            target=self.target,
            channels=tuple(each for each in get_args(Channel) if each in named),
            diverse=self.diverse,
            collapse=self.collapse,
            min_confidence=self.min_confidence,
        )


def _in_query(
    *,
    like: Annotated[
        str, Query(pattern=_IDS, description="More like these photos, by id: `1,2`.")
    ] = "",
    unlike: Annotated[
        str, Query(pattern=_IDS, description="Less like these photos, which are not shown.")
    ] = "",
    target: Annotated[Target, Query(description="What is searched for.")] = "photos",
    channels: Annotated[
        str, Query(max_length=60, description="What may rank: a list with commas.")
    ] = "image,caption,words",
    diverse: Annotated[
        float | None, Query(ge=0, le=1, description="1 is relevance alone, 0 difference alone.")
    ] = None,
    collapse: Annotated[bool, Query(description="Whether near-duplicates make stacks.")] = True,
    min_confidence: Annotated[
        float, Query(ge=0, le=1, description="Less sure hits are left out.")
    ] = 0.0,
    limit: Annotated[int, Query(ge=1, le=200, description="Hits of a page.")] = 60,
    cursor: Annotated[
        str | None, Query(max_length=400, description="`next` of the page before.")
    ] = None,
) -> _Options:
    return _Options(
        like, unlike, target, channels, diverse, collapse, min_confidence, limit, cursor
    )


def _in_form(
    *,
    like: Annotated[str, Form(pattern=_IDS)] = "",
    unlike: Annotated[str, Form(pattern=_IDS)] = "",
    target: Annotated[Target, Form()] = "photos",
    channels: Annotated[str, Form(max_length=60)] = "image,caption,words",
    diverse: Annotated[float | None, Form(ge=0, le=1)] = None,
    collapse: Annotated[bool, Form()] = True,
    min_confidence: Annotated[float, Form(ge=0, le=1)] = 0.0,
    limit: Annotated[int, Form(ge=1, le=200)] = 60,
) -> _Options:
    return _Options(like, unlike, target, channels, diverse, collapse, min_confidence, limit)


@router.get("/search", response_model=models.Found, responses=shown(FOUND))
async def search(
    request: Request,
    options: Annotated[_Options, Depends(_in_query)],
    *,
    q: Line = "",
    photo: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{32}$|^$", description="The key of a photo handed over before."),
    ] = None,
) -> Response:
    """Rank the library for a query, best first; without anything that ranks, list what passes.

    What is listed is listed newest first.
    """
    return await answer(request, partial(_search, request.app.state.desk, options, q, photo))


@router.post("/search", response_model=models.Found, responses=shown(FOUND))
async def search_by_photo(
    request: Request,
    photo: Annotated[UploadFile, File(description="A photo; it is kept in memory alone.")],
    options: Annotated[_Options, Depends(_in_form)],
    *,
    q: Annotated[str, Form(max_length=MOST)] = "",
) -> Response:
    """Search by a photo, and by words beside it.

    `query.photo` of the answer is the photo's key, by which it can be searched by again.
    """
    state = request.app.state
    data = await photo.read()
    take = partial(_taken, state.desk, data, photo.filename or "")
    key = await state.lanes.decodes.run(take, is_gone=request.is_disconnected)
    return await answer_once(request, partial(_search, state.desk, options, q, key))


@router.get("/query", response_model=models.AskedFor, responses=shown(ASKED_FOR))
async def query(
    request: Request,
    *,
    q: Line = "",
    add: Annotated[
        list[str],
        Query(
            default_factory=list,
            max_length=50,
            description="Terms and filters to put in.",
            examples=[["orientation:portrait", "- boat"]],
        ),
    ],
    drop: Annotated[
        list[str],
        Query(
            default_factory=list,
            max_length=50,
            description="Keys of filters that are taken out first.",
            examples=[["after", "before"]],
        ),
    ],
) -> Response:
    """Tell how a query is understood, and how it is written after a change."""
    return await answer_once(request, partial(_changed, q, add, drop))


@router.get("/completions", response_model=models.Completions, responses=shown(COMPLETIONS))
async def completions(
    request: Request,
    *,
    q: Line = "",
    caret: Annotated[
        int | None, Query(ge=0, le=MOST, description="Where in the text; at its end without it.")
    ] = None,
) -> Response:
    """Tell how a query may go on at the caret."""
    desk = request.app.state.desk
    return await answer(request, lambda: complete(q, caret, desk.traits, desk.keywords))


@router.get(
    "/handed-over/{key}/thumbnail",
    response_class=Response,
    responses={
        200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def handed_over(request: Request, key: Key) -> Response:
    """Give a small picture of a photo that was handed over."""
    found = request.app.state.desk.handed.get(key)
    keep = {"Cache-Control": "private, max-age=31536000, immutable"}  # a key is a digest
    return Response(found.picture, media_type="image/webp", headers=keep)


def _search(desk: Desk, options: _Options, q: str, photo: str | None) -> models.Found:
    asked = options.asked(q, photo)
    return page_of(desk, asked, limit=options.limit, cursor=options.cursor)


def _taken(desk: Desk, data: bytes, name: str) -> str:
    try:
        return desk.handed.take(data, name=name, engine=desk.engine())
    except DecodeError as error:
        raise type(error)(f"The photo cannot be searched by: {error}.") from error


def _changed(q: str, add: list[str], drop: list[str]) -> models.AskedFor:
    line = read_line(q).without_keys(set(drop))
    for each in add:
        line += read_line(each)
    return asked_for(read_line(str(line)))


def _ids(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(map(int, filter(None, text.split(",")))))
