"""The pictures of one photo: small ones, and its own file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from indexer.catalog import photos
from indexer.decode.thumbnail import thumbnail_of
from search.thumbnail_cache import SIZES
from search.web.originals import read_original
from search.web.problems import NoSuchError
from search.web.ranges import FileAnswer, disposition

if TYPE_CHECKING:
    from starlette.datastructures import State

    from indexer.catalog.photos import Original

router = APIRouter(prefix="/photos/{photo_id}", tags=["photos"])

PhotoId = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[17])]
Version = Annotated[
    str | None,
    Query(max_length=64, description="The photo's version: the answer may then be kept forever."),
]

_MEDIA_TYPES = {  # as browsers show them
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
}
_OTHER_TYPES = {"HEIF": "image/heif", "TIFF": "image/tiff"}
_UNCHANGED = {"description": "It has not changed."}
_BYTES = {"schema": {"type": "string", "format": "binary"}}


def media_type(kind: str) -> str:
    """Name the media type of a photo's file by its format."""
    return (_MEDIA_TYPES | _OTHER_TYPES).get(kind, "application/octet-stream")


def is_displayable(kind: str) -> bool:
    """Tell whether browsers show a format."""
    return kind in _MEDIA_TYPES


@router.head("/thumbnail", include_in_schema=False)
@router.get(
    "/thumbnail",
    response_class=Response,
    responses={
        200: {"content": {"image/webp": _BYTES}},
        304: _UNCHANGED,
    },
)
async def thumbnail(
    request: Request,
    photo_id: PhotoId,
    size: Annotated[
        int,
        Query(ge=1, le=SIZES[-1], description=f"Of the longer side, at least: one of {SIZES}."),
    ] = 320,
    v: Version = None,
) -> Response:
    """Give a small picture of a photo, upright and without metadata."""
    state = request.app.state
    side = next(each for each in SIZES if each >= size)
    wanted, data = await state.lanes.files.run(partial(_kept, state, photo_id, side))
    headers = _caching(wanted, v, f'"{wanted.content_hash.hex()}-{side}"')
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if data is None:
        make = partial(_small, wanted, side, max_pixels=state.max_pixels)
        get = partial(state.thumbnails.get, wanted.content_hash, side, make)
        data = await state.lanes.decodes.run(get, is_gone=request.is_disconnected)
    return Response(data, media_type="image/webp", headers=headers)


@router.head("/original", include_in_schema=False)
@router.get(
    "/original",
    response_class=Response,
    responses={
        200: {"content": {"image/*": _BYTES}},
        206: {"description": "The range that was asked for.", "content": {"image/*": _BYTES}},
        304: _UNCHANGED,
    },
)
async def original(
    request: Request, photo_id: PhotoId, v: Version = None, *, download: bool = False
) -> Response:
    """Give a photo's own file, whole or a range of it, while it is what was indexed."""
    state = request.app.state
    wanted = await state.lanes.files.run(partial(find_original, state, photo_id))
    headers = _caching(wanted, v, f'"{wanted.content_hash.hex()}"')
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    inline = is_displayable(wanted.format) and not download
    headers["Content-Disposition"] = disposition(wanted.path.name, inline=inline)
    opened = await state.lanes.files.run(partial(state.originals.open, wanted))
    return FileAnswer(opened, media_type=media_type(wanted.format), headers=headers)


def find_original(state: State, photo_id: int) -> Original:
    """Look up a photo's file. Raises NoSuchError."""
    with state.desk.library().reading() as connection:
        found = photos.original(connection, photo_id)
    if found is None:
        raise NoSuchError(f"The library holds no photo with the id {photo_id}.")
    return found


def _kept(state: State, photo_id: int, side: int) -> tuple[Original, bytes | None]:
    wanted = find_original(state, photo_id)
    return wanted, state.thumbnails.find(wanted.content_hash, side)


def _small(wanted: Original, side: int, *, max_pixels: int) -> bytes:
    data = read_original(wanted)
    return thumbnail_of(data, (side, side), path=wanted.path, max_pixels=max_pixels).webp()


def _caching(wanted: Original, version: str | None, etag: str) -> dict[str, str]:
    is_exact = version == wanted.content_hash.hex()
    keep = "private, max-age=31536000, immutable" if is_exact else "private, no-cache"
    return {"Cache-Control": keep, "ETag": etag}


def _has(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return known == "*" or etag in [each.strip().removeprefix("W/") for each in known.split(",")]
