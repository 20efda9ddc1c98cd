"""What is asked of a library, as typed answers. Knows no protocol and makes no pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog import captions, listing, photos
from indexer.errors import LibraryError, LibraryNotFoundError, PathNotFoundError, UsageError
from indexer.files import absolute
from indexer.progress import Watch
from indexer.status import read_status
from search.line import read_line
from search.mcp import models
from search.query import CUT_OFF, Query
from search.rendering import DOUBTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer import records
    from search.line import Line
    from search.mcp.models import State
    from search.results import Hit, Results
    from search.web.desk import Desk


def search_photos(
    desk: Desk, text: str, *, limit: int, min_confidence: float = CUT_OFF
) -> models.Photos:
    """Find photos for a text, without those less sure; filters alone list them, newest first.

    Raises UsageError for a text that cannot be read, LibraryError where nothing was indexed.
    """
    line = read_line(text)
    if not line.terms:
        return _listed(desk, line, limit=limit)
    query = Query(
        line.terms,
        filters=line.filters,
        top_k=limit,
        min_confidence=min_confidence,
        collapse=True,
    )
    return _found(desk.engine().search(query), str(line))


def similar_photos(
    desk: Desk,
    photo: records.Photo,
    *,
    text: str = "",
    unlike: Sequence[int] = (),
    limit: int,
    min_confidence: float = 0.0,
) -> models.Photos:
    """Find photos like one of the library, towards a text, away from others, within filters.

    Raises UsageError for a text that cannot be read, QueryError for an unknown photo.
    """
    line = read_line(text)
    query = Query(
        line.terms,
        filters=line.filters,
        like=(photo.id,),
        unlike=tuple(dict.fromkeys(unlike)),
        top_k=limit,
        min_confidence=min_confidence,
        collapse=True,
    )
    return _found(desk.engine().search(query), f"{line} like photo {photo.id}".lstrip())


def photo_captions(desk: Desk, photo: records.Photo, *, limit: int) -> models.Captions:
    """Rank the library's captions for one of its photos."""
    query = Query((), target="captions", like=(photo.id,), top_k=limit)
    results = desk.engine().search(query)
    with desk.library().reading() as connection:
        own = captions.by_id(connection, captions.ids_of_photo(connection, photo.id))
    note = DOUBTS[results.doubt] if results.doubt else None
    if not results.hits:
        note = "The library holds no captions. Give it some: sightseek index FOLDER --captions FILE"
    return models.Captions(
        photo=photo_value(photo),
        own=tuple(each.text for each in own.values()),
        captions=tuple(map(_caption, results.hits)),
        note=note,
    )


def library_status(desk: Desk) -> models.Status:
    """Count what the library holds; that there is none, or none to use, is an answer, too."""
    folder = str(desk.folder)
    running = Watch(desk.folder).read()
    indexing = None
    if running is not None:
        indexing = models.Progress(stage=running.stage, done=running.done, total=running.total)
    try:
        found = read_status(desk.library())
    except LibraryError as error:
        state: State = "missing" if isinstance(error, LibraryNotFoundError) else "unusable"
        return models.Status(state=state, library=folder, problem=str(error), indexing=indexing)
    return models.Status(
        state="ready" if found.photos else "empty",
        library=folder,
        problem=None
        if found.photos
        else f"Fill it with: sightseek index FOLDER --library {folder}",
        model=found.space.model if found.space else None,
        photos=found.photos,
        captions=found.captions,
        skipped=len(found.skipped),
        with_date=found.known.dates,
        with_position=found.known.gps,
        with_rating=found.known.ratings,
        with_keywords=found.known.keywords,
        indexing=indexing,
    )


def library_photo(desk: Desk, *, photo_id: int | None = None, path: str = "") -> records.Photo:
    """Return a photo of the library by its id or by its path; no file is looked at.

    Raises UsageError for none or both of them, PathNotFoundError for what it does not hold.
    """
    if (photo_id is None) != bool(path):
        raise UsageError("Name one photo of the library: give photo_id or path, and not both.")
    with desk.library().reading() as connection:
        if photo_id is None:
            known = photos.by_path(connection, absolute(path))
            found = None if known is None else known[0]
        else:
            found = photos.by_id(connection, [photo_id]).get(photo_id)
    if found is None:
        named = f"at {path}" if photo_id is None else f"with the id {photo_id}"
        raise PathNotFoundError(
            f"The library holds no photo {named}. Find the photos that it holds with search_photos."
        )
    return found


def photo_value(photo: records.Photo) -> models.Photo:
    """Return a photo as tools tell of it."""
    facts = photo.facts
    return models.Photo(
        id=photo.id,
        path=str(photo.path),
        picture=picture_uri(photo.id),
        width=facts.width,
        height=facts.height,
        format=facts.format,
        taken_at=facts.taken_at,
        camera=facts.camera,
        lens=facts.lens,
        latitude=facts.latitude,
        longitude=facts.longitude,
        title=facts.title,
        description=facts.description,
        place=facts.place,
        rating=facts.rating,
        keywords=tuple(dict.fromkeys(each.text for each in photo.keywords)) or None,
    )


def picture_uri(photo_id: int | str) -> str:
    """Return the URI of a photo's picture."""
    return f"sightseek://photos/{photo_id}/picture"


def _listed(desk: Desk, line: Line, *, limit: int) -> models.Photos:
    with desk.library().reading() as connection:
        places = listing.newest(connection, line.filters, limit=limit)
        total = listing.count(connection, line.filters)
        found = photos.by_id(connection, [place.id for place in places])
    hits = [
        models.Hit(rank=rank, photo=photo_value(found[place.id]))
        for rank, place in enumerate(places, start=1)
    ]
    return models.Photos(query=str(line), is_ranked=False, total=total, photos=tuple(hits))


def _found(results: Results, asked: str) -> models.Photos:
    closest = max(results.rest, key=lambda hit: hit.confidence or 0.0, default=None)
    return models.Photos(
        query=asked,
        photos=tuple(map(_hit, results.hits)),
        less_sure=len(results.rest),
        closest=_hit(closest) if closest and not results.hits else None,
        note=DOUBTS[results.doubt] if results.doubt else None,
    )


def _hit(hit: Hit) -> models.Hit:
    return models.Hit(
        rank=hit.rank,
        score=round(hit.score, 4),
        confidence=_rounded(hit.confidence),
        photo=photo_value(hit.photo),
        told=hit.told,
        same=tuple(each.hit.photo.id for each in hit.like or ()) or None,
    )


def _caption(hit: Hit) -> models.Caption:
    assert hit.caption is not None  # captions were searched for
    return models.Caption(
        rank=hit.rank,
        score=round(hit.score, 4),
        confidence=_rounded(hit.confidence),
        text=hit.caption.text,
        language=hit.caption.language,
        photo=hit.photo.id,
        path=str(hit.photo.path),
    )


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 3)
