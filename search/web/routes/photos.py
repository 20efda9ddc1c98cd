"""One photo: what is known of it, and its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from indexer.catalog import captions, photos
from search.web import models
from search.web.problems import NoSuchError
from search.web.rendering import shown_caption, shown_photo
from search.web.routes.pictures import PhotoId, find_original, is_displayable, media_type

if TYPE_CHECKING:
    from indexer.records import Photo

router = APIRouter(prefix="/photos/{photo_id}")


@router.get("", response_model=models.PhotoDetails)
def photo(request: Request, photo_id: PhotoId) -> Response:
    """Tell what the library knows of a photo."""
    found = _photo(request, photo_id)
    with request.app.state.desk.library().reading() as connection:
        ids = captions.ids_of_photo(connection, photo_id)
        told = captions.by_id(connection, ids)
    shown = models.PhotoDetails(
        **shown_photo(found).model_dump(),
        size=find_original(request.app.state, photo_id).size,
        media_type=media_type(found.facts.format),
        is_displayable=is_displayable(found.facts.format),
        captions=tuple(shown_caption(told[each]) for each in ids),
    )
    return Response(shown.model_dump_json(), media_type="application/json")


def _photo(request: Request, photo_id: int) -> Photo:
    with request.app.state.desk.library().reading() as connection:
        found = photos.by_id(connection, [photo_id]).get(photo_id)
    if found is None:
        raise NoSuchError(f"The library holds no photo with the id {photo_id}.")
    return found
