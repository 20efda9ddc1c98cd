"""One photo: what is known of it, and its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, Response

from indexer.catalog import captions, photos
from indexer.decode.thumbnail import thumbnail as small_picture
from search.web import models
from search.web.rendering import shown_caption, shown_photo

if TYPE_CHECKING:
    from indexer.records import Photo

router = APIRouter(prefix="/photos/{photo_id}")


@router.get("", response_model=models.PhotoDetails)
def photo(request: Request, photo_id: int) -> Response:
    """Tell what the library knows of a photo."""
    found = _photo(request, photo_id)
    with request.app.state.desk.library().reading() as connection:
        ids = captions.ids_of_photo(connection, photo_id)
        told = captions.by_id(connection, ids)
    shown = models.PhotoDetails(
        **shown_photo(found).model_dump(),
        size=found.path.stat().st_size,
        media_type="image/jpeg",
        is_displayable=found.facts.format in {"JPEG", "PNG", "WEBP", "GIF", "AVIF"},
        captions=tuple(shown_caption(told[each]) for each in ids),
    )
    return Response(shown.model_dump_json(), media_type="application/json")


@router.get("/thumbnail")
def thumbnail(
    request: Request,
    photo_id: int,
    size: Annotated[int, Query(ge=16, le=2048)] = 320,
    v: str | None = None,
) -> Response:
    """Give a small picture of a photo."""
    found = _photo(request, photo_id)
    return Response(
        small_picture(found.path, (size, size)).jpeg(),
        media_type="image/jpeg",
        headers={"Cache-Control": "private, max-age=31536000, immutable" if v else "no-cache"},
    )


@router.get("/original")
def original(request: Request, photo_id: int) -> Response:
    """Give a photo's own file."""
    return FileResponse(_photo(request, photo_id).path)


def _photo(request: Request, photo_id: int) -> Photo:
    with request.app.state.desk.library().reading() as connection:
        found = photos.by_id(connection, [photo_id]).get(photo_id)
    if found is None:
        raise HTTPException(404, f"The library holds no photo with the id {photo_id}.")
    return found
