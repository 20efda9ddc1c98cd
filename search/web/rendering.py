"""Records and hits to the values of the API. Knows no HTTP and no library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.filter_text import key_and_value
from search.line import write_condition, write_term
from search.web import models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.filters import Condition
    from indexer.records import Caption, Photo
    from search.duplicates.records import Kind
    from search.line import Line
    from search.query import Target
    from search.terms import Term
    from search.web.rankings import Shown

_WEIGHTS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0)  # that a term is made lighter and heavier by


def photo_version(photo: Photo) -> str:
    """Name a photo's content."""
    return photo.content_hash.hex()


def shown_photo(photo: Photo) -> models.Photo:
    """Tell what the API tells of a photo."""
    facts = photo.facts
    return models.Photo(
        id=photo.id,
        version=photo_version(photo),
        name=photo.path.name,
        folder=str(photo.path.parent),
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
        focal_length=facts.focal_length,
        aperture=facts.aperture,
        iso=facts.iso,
        rating=facts.rating,
        keywords=tuple(
            models.Keyword(text=each.text, source=each.source, score=each.score)
            for each in photo.keywords
        ),
    )


def shown_caption(caption: Caption) -> models.Caption:
    """Tell what the API tells of a caption."""
    return models.Caption(
        id=caption.id, text=caption.text, language=caption.language, photo=caption.photo.id
    )


def shown_hit(shown: Shown) -> models.Hit:
    """Tell what the API tells of a hit."""
    hit = shown.hit
    return models.Hit(
        rank=shown.rank,
        score=hit.score,
        confidence=shown.confidence,
        is_good=shown.is_good,
        photo=shown_photo(hit.photo),
        caption=shown_caption(hit.caption) if hit.caption else None,
        told=hit.told,
        found_by=tuple(
            models.FoundBy(
                channel=each.channel,
                rank=each.rank,
                score=each.score,
                caption=each.caption.text if each.caption else None,
            )
            for each in hit.found_by
        ),
        stack=tuple(stacked(photo, kind) for photo, kind in shown.stack),
    )


def stacked(photo: Photo, kind: Kind) -> models.Stacked:
    """Tell of a photo that shows the same as another."""
    return models.Stacked(photo=shown_photo(photo), kind=kind)


def listed_hit(photo: Photo, *, rank: int) -> models.Hit:
    """Tell of a photo that was listed, not ranked."""
    return models.Hit(rank=rank, photo=shown_photo(photo))


def asked_for(
    line: Line,
    *,
    photo: str | None = None,
    like: Sequence[int] = (),
    unlike: Sequence[int] = (),
    target: Target = "photos",
) -> models.AskedFor:
    """Tell how a query was understood, and how to change it."""
    terms = [_term(line, at, term) for at, term in enumerate(line.terms)]
    if photo is not None:
        terms.append(models.Term(kind="photo", value=photo, weight=1.0, written=""))
    return models.AskedFor(
        text=str(line),
        terms=tuple(terms),
        filters=tuple(
            _filter(line, at, condition) for at, condition in enumerate(line.filters.conditions)
        ),
        photo=photo,
        like=tuple(like),
        unlike=tuple(unlike),
        target=target,
    )


def _term(line: Line, at: int, term: Term) -> models.Term:
    sign, size = (1 if term.weight > 0 else -1), abs(term.weight)
    heavier = next((each for each in _WEIGHTS if each > size), None)
    lighter = next((each for each in reversed(_WEIGHTS) if each < size), None)
    return models.Term(
        kind="text",
        value=term.value,
        weight=term.weight,
        written=write_term(term),
        edits=models.Edits(
            without=str(line.without_term(at)),
            negated=str(line.weighing(at, -term.weight)),
            heavier=None if heavier is None else str(line.weighing(at, sign * heavier)),
            lighter=None if lighter is None else str(line.weighing(at, sign * lighter)),
        ),
    )


def _filter(line: Line, at: int, condition: Condition) -> models.Filter:
    key, value = key_and_value(condition)
    return models.Filter(
        key=key,
        value=value,
        is_negated=condition.negated,
        written=write_condition(condition),
        edits=models.Edits(without=str(line.without_filter(at)), negated=str(line.negating(at))),
    )
