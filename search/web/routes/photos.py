"""One photo: what is known of it, captions for it, and photos that show the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from indexer.catalog import captions, photos
from search.duplicates.beside import same_as
from search.web import models
from search.web.answers import answer
from search.web.asking import Asked, page_of
from search.web.examples import CAPTIONS, DETAILS, DUPLICATES, shown
from search.web.problems import NoSuchError
from search.web.rendering import shown_caption, shown_photo, stacked
from search.web.routes.pictures import PhotoId, is_displayable, media_type

if TYPE_CHECKING:
    from search.web.desk import Desk

router = APIRouter(prefix="/photos/{photo_id}", tags=["photos"])


@router.get("", response_model=models.PhotoDetails, responses=shown(DETAILS))
async def photo(request: Request, photo_id: PhotoId) -> Response:
    """Tell what the library knows of a photo."""
    return await answer(request, partial(_details, request.app.state.desk, photo_id))


@router.get("/captions", response_model=models.Captions, responses=shown(CAPTIONS))
async def captions_for(
    request: Request,
    photo_id: PhotoId,
    *,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Annotated[
        str | None, Query(max_length=400, description="`next` of the page before.")
    ] = None,
) -> Response:
    """Rank the captions of the whole library for a photo, best first: what it looks like."""
    desk = request.app.state.desk
    return await answer(request, partial(_captions, desk, photo_id, limit=limit, cursor=cursor))


@router.get("/duplicates", response_model=models.Duplicates, responses=shown(DUPLICATES))
async def duplicates(request: Request, photo_id: PhotoId) -> Response:
    """Find the photos that show the same as one: copies, crops, and others of the same burst."""
    return await answer(request, partial(_duplicates, request.app.state.desk, photo_id))


def _details(desk: Desk, photo_id: int) -> models.PhotoDetails:
    with desk.library().reading() as connection:
        found = photos.by_id(connection, [photo_id]).get(photo_id)
        original = photos.original(connection, photo_id)
        if found is None or original is None:
            raise _missing(photo_id)
        told = captions.by_id(connection, captions.ids_of_photo(connection, photo_id))
    kind = found.facts.format
    return models.PhotoDetails(
        **dict(shown_photo(found)),
        size=original.size,
        media_type=media_type(kind),
        is_displayable=is_displayable(kind),
        captions=tuple(shown_caption(told[key]) for key in sorted(told)),
    )


def _captions(desk: Desk, photo_id: int, *, limit: int, cursor: str | None) -> models.Captions:
    with desk.library().reading() as connection:
        if not photos.by_id(connection, [photo_id]):
            raise _missing(photo_id)
    asked = Asked(like=(photo_id,), target="captions")
    found = page_of(desk, asked, limit=limit, cursor=cursor)
    return models.Captions(hits=found.hits, next=found.next)


def _duplicates(desk: Desk, photo_id: int) -> models.Duplicates:
    found = same_as(desk.library(), photo_id)
    if found is None:
        raise _missing(photo_id)
    return models.Duplicates(
        photo=photo_id, others=tuple(stacked(other, why.kind) for other, why in found)
    )


def _missing(photo_id: int) -> NoSuchError:
    return NoSuchError(f"The library holds no photo with the id {photo_id}.")
