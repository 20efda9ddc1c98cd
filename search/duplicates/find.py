"""The duplicates of a library: read what is known of its photos, compare, group. Writes nothing."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import appearances, embeddings, photos
from indexer.files import absolute, is_within
from indexer.records import GLANCE
from search.duplicates.candidates import candidates
from search.duplicates.groups import Owned, make_groups
from search.duplicates.judge import Contents, Judge
from search.duplicates.keeping import copy_key
from search.duplicates.pictures import stacked
from search.duplicates.records import KINDS, Duplicates, Member

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from indexer.library import Library
    from indexer.records import Ids, Photo, Vectors
    from search.duplicates.judge import Numbers
    from search.duplicates.records import Group, Kind

WITHIN = 10.0  # seconds between two photos of a burst

_FEWEST = 32  # photos: what fewer have in common may be that they are all copies
_SAMPLE = 256  # of them, that tell what cosine unrelated photos have
_UNSEEN = bytes(GLANCE * GLANCE)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a camera's clock has no zone


def find_duplicates(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    kinds: Collection[Kind] = KINDS,
    within: float = WITHIN,
) -> Duplicates:
    """Group the photos of a library, or those at or beneath paths, that show the same.

    Raises LibraryError when the library holds no photos.
    """
    library.require_photos()
    owned = _owned(library, frozenset(str(absolute(path)) for path in paths))
    contents = contents_of(owned)
    rows, vectors = _vectors(library, [each.content_hash for each in owned])
    unrelated = unrelated_cosine(vectors)
    cosines = partial(_cosines, vectors, _places(rows, len(owned)))
    judge = Judge(contents, cosines, unrelated=unrelated, kinds=kinds, within=within)
    pairs = candidates(contents, judge, vectors, rows, within=within)
    groups = make_groups(owned, judge, pairs, kinds)
    return Duplicates(
        groups=tuple(
            sorted(groups, key=lambda group: (-group.bytes, str(group.keeper.photo.path)))
        ),
        photos=sum(len(each.members) for each in owned),
        unseen=sum(len(each.members) for each in owned if each.appearance is None),
    )


def _compared(
    library: Library, owned: Sequence[Owned], kinds: Collection[Kind], within: float
) -> Iterator[Group]:
    contents = contents_of(owned)
    rows, vectors = _vectors(library, [each.content_hash for each in owned])
    cosines = partial(_cosines, vectors, _places(rows, len(owned)))
    unrelated = unrelated_cosine(vectors)
    judge = Judge(contents, cosines, unrelated=unrelated, kinds=kinds, within=within)
    pairs = candidates(contents, judge, vectors, rows, within=within)
    return make_groups(owned, judge, pairs, kinds)


def contents_of(owned: Sequence[Owned]) -> Contents:
    """Arrange what is known of contents in rows."""
    looks = [each.appearance for each in owned]
    facts = [each.members[0].photo.facts for each in owned]
    cameras: dict[str, int] = {}

    def number(camera: str | None) -> int:
        return cameras.setdefault(camera, len(cameras)) if camera else -1

    return Contents(
        thumbnails=stacked([each.thumbnail if each else _UNSEEN for each in looks]),
        seen=np.array([each is not None for each in looks], bool),
        taken_at=np.array([_seconds(each.taken_at) for each in facts], np.float64),
        cameras=np.array(
            [
                cameras.setdefault(each.camera, len(cameras)) if each.camera else -1
                for each in facts
            ],
            np.int64,
        ),
    )


def unrelated_cosine(vectors: Vectors) -> float | None:
    """Return the mean cosine of photos at random; None where there are too few to tell."""
    if len(vectors) < _FEWEST:
        return None
    sample = vectors[:: -(-len(vectors) // _SAMPLE)].astype(np.float64)
    count = len(sample)
    total = np.square(sample.sum(axis=0)).sum()  # of the cosines of all pairs, both ways
    return float((total - count) / (count * (count - 1)))


def _owned(library: Library, roots: frozenset[str]) -> list[Owned]:
    """Read the contents of a library's photos, in the order of their first photos."""
    with library.reading() as connection:
        stamps = photos.stamps(connection)
        wanted = [stamp.id for path, stamp in stamps.items() if not roots or is_within(path, roots)]
        found = photos.by_id(connection, sorted(wanted))
        by_hash: dict[bytes, list[Photo]] = {}
        for photo_id in sorted(found):
            by_hash.setdefault(found[photo_id].content_hash, []).append(found[photo_id])
        looks = appearances.by_hash(connection, list(by_hash))
    owned = []
    for key, same in by_hash.items():
        look = looks.get(key)
        members = []
        for photo in same:
            stamp = stamps[str(photo.path)]
            sharpness = look.sharpness if look else None
            members.append(Member(photo, stamp.size, stamp.mtime_ns, sharpness))
        owned.append(Owned(key, tuple(sorted(members, key=copy_key)), look))
    return owned


def _vectors(library: Library, hashes: Sequence[bytes]) -> tuple[Ids, Vectors]:
    """Return which contents have a vector, and those; `(n,)` and `(n, dim)`."""
    index = library.vectors("photos")
    ids = np.sort(index.ids)
    with library.reading() as connection:
        by_id = embeddings.hashes_by_id(connection, embeddings.PHOTOS, ids.tolist())
    ids_by_hash: Mapping[bytes, int] = {key: each for each, key in by_id.items()}
    rows = [row for row, key in enumerate(hashes) if key in ids_by_hash]
    wanted = np.array([ids_by_hash[hashes[row]] for row in rows], np.int64)
    return np.array(rows, np.int64), index.vectors(wanted)


def _places(rows: Ids, count: int) -> Ids:
    """Return where each content's vector stands, -1 for those without."""
    places = np.full(count, -1, np.int64)
    places[rows] = np.arange(len(rows))
    return places


def _cosines(vectors: Vectors, places: Ids, a: Ids, b: Ids) -> Numbers:
    at_a, at_b = places[a], places[b]
    cosines: Numbers = np.full(len(a), np.nan)
    known = np.flatnonzero((at_a >= 0) & (at_b >= 0))
    dots = np.einsum("ij,ij->i", vectors[at_a[known]], vectors[at_b[known]])
    cosines[known] = np.minimum(dots, 1)  # rounding may pass it
    return cosines


def _seconds(taken_at: datetime | None) -> float:
    if taken_at is None:
        return float("nan")
    return (taken_at.replace(tzinfo=None) - _EPOCH).total_seconds()
