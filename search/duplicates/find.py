"""The duplicates of a library: read what is known of its photos, compare, group. Writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import appearances, embeddings, photos
from indexer.errors import PathNotFoundError
from indexer.files import absolute, is_within
from search.duplicates.candidates import candidates
from search.duplicates.contents import Contents, cosines_of, unrelated_cosine
from search.duplicates.groups import Owned, make_groups
from search.duplicates.judge import WITHIN, Judge
from search.duplicates.keeping import copy_key
from search.duplicates.records import KINDS, Duplicates, Member

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from indexer.library import Library
    from indexer.pipeline import OnProgress
    from indexer.records import Ids, Photo, Vectors
    from search.duplicates.records import Kind


def find_duplicates(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    kinds: Collection[Kind] = KINDS,
    within: float = WITHIN,
    on_progress: OnProgress | None = None,
) -> Duplicates:
    """Group the photos of a library, or those at or beneath paths, that show the same.

    Raises LibraryError when the library holds no photos, and PathNotFoundError for a path that it
    knows no photo of.
    """
    library.require_photos()
    owned = _owned(library, [str(absolute(path)) for path in paths])
    contents = Contents.of(
        [each.appearance for each in owned], [each.members[0].photo.facts for each in owned]
    )
    rows, vectors = _vectors(library, [each.content_hash for each in owned])
    unrelated = unrelated_cosine(vectors)
    cosines = cosines_of(vectors, _places(rows, len(owned)))
    judge = Judge(contents, cosines, unrelated=unrelated, kinds=kinds, within=within)
    pairs = np.empty((0, 2), np.int64)
    if set(kinds) != {"exact"}:  # whose hashes say it all
        pairs = candidates(contents, judge, vectors, rows, within=within)
    groups = make_groups(owned, judge, pairs, kinds, on_progress)
    return Duplicates(
        groups=tuple(
            sorted(groups, key=lambda group: (-group.bytes, str(group.keeper.photo.path)))
        ),
        photos=sum(len(each.members) for each in owned),
        unseen=sum(len(each.members) for each in owned if each.appearance is None),
    )


def _owned(library: Library, roots: Sequence[str]) -> list[Owned]:
    """Read the contents of a library's photos, in the order of their first photos."""
    with library.reading() as connection:
        stamps = photos.stamps(connection)
        for root in roots:
            if not any(is_within(path, {root}) for path in stamps):
                raise PathNotFoundError(
                    f"The library at {library.path} knows no photo at or beneath {root}. "
                    "See what it holds with: sightseek status"
                )
        within = frozenset(roots)
        wanted = [
            stamp.id for path, stamp in stamps.items() if not roots or is_within(path, within)
        ]
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
    vectors = index.vectors(wanted)
    sound = np.isfinite(vectors).all(axis=1)  # damaged ones are near to nothing
    return np.array(rows, np.int64)[sound], vectors[sound]


def _places(rows: Ids, count: int) -> Ids:
    """Return where each content's vector stands, -1 for those without."""
    places = np.full(count, -1, np.int64)
    places[rows] = np.arange(len(rows))
    return places
