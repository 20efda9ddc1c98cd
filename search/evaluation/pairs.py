"""The user's own pairs: captions of photos that a library holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from indexer.captions import read_captions
from indexer.captions.matching import PhotoNames
from indexer.catalog import photos
from indexer.errors import CaptionsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.library import Library

Trait: TypeAlias = Literal["source", "language"]

TRAITS: tuple[Trait, ...] = get_args(Trait)

_MOST_NAMED = 5  # images in a message


@dataclass(frozen=True, slots=True)
class Pair:
    """A caption and the content of the photo that it describes."""

    text: str
    content_hash: bytes
    source: str | None = None  # of a file with such a column
    language: str | None = None

    @property
    def key(self) -> tuple[str, bytes]:
        """What makes two pairs the same: copies of a photo are one, whatever their source."""
        return self.text, self.content_hash


def read_pairs(path: Path, library: Library) -> list[Pair]:
    """Read a CSV `image,caption` whose images are in the library.

    Raises PathNotFoundError and CaptionsError; an image that the library does not hold, or that
    its name does not tell from another, is an error, since leaving it out would flatter.
    """
    rows = list(read_captions(path))
    if not rows:
        raise CaptionsError(f"{path} has no captions. Put rows 'image,caption' in it.")
    with library.reading() as connection:
        names = PhotoNames(photos.paths(connection).items(), roots=[])
        matches = [names.match(row.image, captions_file=path) for row in rows]
        found = photos.by_id(connection, [m.photo_id for m in matches if m.photo_id is not None])
    facts = {
        row.image: "several photos" if match.is_ambiguous else "no photo"
        for row, match in zip(rows, matches, strict=True)
        if match.photo_id is None
    }
    if facts:
        some = ", ".join(f"{image} ({fact})" for image, fact in list(facts.items())[:_MOST_NAMED])
        more = f" and {len(facts) - _MOST_NAMED:,} more" if len(facts) > _MOST_NAMED else ""
        raise CaptionsError(
            f"{path} names images that do not stand for one photo each in the library at "
            f"{library.path}: {some}{more}. Index them first, or name them by their paths."
        )
    return [
        Pair(row.text, found[match.photo_id].content_hash, row.collection, row.language)
        for row, match in zip(rows, matches, strict=True)
        if match.photo_id is not None
    ]


def once_each(pairs: Sequence[Pair]) -> dict[tuple[str, bytes], int]:
    """Give each distinct pair, by its key, a number in order."""
    keys = dict.fromkeys(pair.key for pair in pairs)
    return {key: number for number, key in enumerate(keys)}


def groups(pairs: Sequence[Pair]) -> dict[tuple[Trait, str], list[int]]:
    """Give the numbers, as of `once_each`, of the pairs of each source and of each language."""
    number = once_each(pairs)
    found: dict[tuple[Trait, str], dict[int, None]] = {}
    for trait in TRAITS:
        for pair in pairs:
            if (value := getattr(pair, trait)) is not None:
                found.setdefault((trait, value), {})[number[pair.key]] = None
    return {group: sorted(numbers) for group, numbers in found.items()}
