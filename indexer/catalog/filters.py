"""Filters to SQL: which photos fulfil them, and which embeddings are of those."""

from __future__ import annotations

import json
from math import radians
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import and_, between, false, func, not_, or_, select

from indexer.catalog.functions import EARTH_KM, folded
from indexer.catalog.schema import caption, image_embedding, keyword, photo, text_embedding
from indexer.filters import (
    After,
    Before,
    Camera,
    Filters,
    Folder,
    Format,
    Has,
    Keyword,
    Lens,
    MinSize,
    Near,
    Orientation,
    Place,
    Rating,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Column, ColumnElement, Connection, Select

    from indexer.filters import Condition, Shape, Test
    from indexer.records import Ids

_EXIF = (
    *(photo.c.taken_at, photo.c.camera, photo.c.lens),
    *(photo.c.focal_length, photo.c.aperture, photo.c.iso),
)


def photo_ids(connection: Connection, filters: Filters) -> Ids:
    """Return the ids of the photos that fulfil filters, ascending; `(n,)`."""
    return _ids(connection, photo.c.id, holds(filters))


def caption_ids(connection: Connection, filters: Filters) -> Ids:
    """Return the ids of the captions of those photos, ascending; `(n,)`."""
    return _ids(connection, caption.c.id, caption.c.photo_id.in_(_photos(filters)))


def photo_embedding_ids(connection: Connection, space_id: int, filters: Filters) -> Ids:
    """Return the ids of those photos' embeddings in a space, each once, ascending; `(n,)`."""
    contents = select(photo.c.content_hash).where(holds(filters))
    own = image_embedding.c.content_hash.in_(contents)
    return _ids(connection, image_embedding.c.id, image_embedding.c.space_id == space_id, own)


def caption_embedding_ids(connection: Connection, space_id: int, filters: Filters) -> Ids:
    """Return the ids of those photos' captions' embeddings, each once, ascending; `(n,)`."""
    texts = select(caption.c.text_hash).where(caption.c.photo_id.in_(_photos(filters)))
    own = text_embedding.c.text_hash.in_(texts)
    return _ids(connection, text_embedding.c.id, text_embedding.c.space_id == space_id, own)


def holds(filters: Filters) -> ColumnElement[bool]:
    """Return the clause of the photos that fulfil filters."""
    return and_(True, *map(_condition, filters.conditions))


def _photos(filters: Filters) -> Select[tuple[int]]:
    return select(photo.c.id).where(holds(filters))


def _ids(connection: Connection, column: Column[int], *conditions: ColumnElement[bool]) -> Ids:
    # as one row: to fetch a row takes longer than to read a number
    listed = connection.execute(select(func.json_group_array(column)).where(*conditions))
    return np.sort(np.array(json.loads(listed.scalar_one()), np.int64))


def _condition(condition: Condition) -> ColumnElement[bool]:
    # what is unknown holds for no test, and so for every negated one
    test = condition.test
    known = func.coalesce(_CLAUSES[type(test)](test), false())
    return not_(known) if condition.negated else known


def _contains(column: ColumnElement[str | None], text: str) -> ColumnElement[bool]:
    return func.instr(func.folded(column), folded(text)) > 0


def _is_near(test: Near) -> ColumnElement[bool]:
    # a distance takes a call of Python; a band of latitude rules most photos out before
    band = test.km / EARTH_KM + 1e-9
    rise = func.abs(photo.c.latitude - test.latitude) * radians(1) <= band
    away = func.km_between(photo.c.latitude, photo.c.longitude, test.latitude, test.longitude)
    return and_(rise, away <= test.km)


def _is_at(test: Place) -> ColumnElement[bool]:
    named = (_contains(photo.c.place, name) for name in (test.name, test.country) if name)
    # a position may be unknown where the name is not
    near = (func.coalesce(_is_near(each), false()) for each in test.cities)
    return or_(and_(*named), *near)


def _has_shape(shape: Shape) -> ColumnElement[bool]:
    if shape == "landscape":
        return photo.c.width > photo.c.height
    if shape == "portrait":
        return photo.c.width < photo.c.height
    return photo.c.width == photo.c.height


def _has(test: Has) -> ColumnElement[bool]:
    return {
        "captions": photo.c.id.in_(select(caption.c.photo_id)),
        "keywords": photo.c.id.in_(select(keyword.c.photo_id)),
        "gps": photo.c.latitude.is_not(None),
        "date": photo.c.taken_at.is_not(None),
        "rating": photo.c.rating.is_not(None),
        "exif": or_(*(column.is_not(None) for column in _EXIF)),
    }[test.what]


def _has_keyword(test: Keyword) -> ColumnElement[bool]:
    same = func.folded(keyword.c.text) == folded(test.text)
    return photo.c.id.in_(select(keyword.c.photo_id).where(same))


_CLAUSES: Mapping[type[Test], Callable[[Any], ColumnElement[bool]]] = {
    # ISO 8601 sorts as text, whatever is left out at its end
    After: lambda test: photo.c.taken_at >= test.moment,
    Before: lambda test: photo.c.taken_at < test.moment,
    Camera: lambda test: _contains(photo.c.camera, test.name),
    Lens: lambda test: _contains(photo.c.lens, test.name),
    Near: _is_near,
    Place: _is_at,
    Folder: lambda test: func.in_folder(photo.c.path, test.pattern) == 1,
    Orientation: lambda test: _has_shape(test.shape),
    MinSize: lambda test: and_(photo.c.width >= test.width, photo.c.height >= test.height),
    Format: lambda test: func.folded(photo.c.format) == folded(test.name),
    Rating: lambda test: between(photo.c.rating, test.least, test.most),
    Keyword: _has_keyword,
    Has: _has,
}
