"""Photos, captions and labels to train on, as values. Knows nothing of models or of pixels."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from indexer.captions import read_captions
from indexer.captions.matching import PhotoNames
from indexer.decode.photo import read_photo
from indexer.discover import discover
from indexer.errors import DecodeError, TrainingError
from indexer.files import absolute
from indexer.loading import hash_content
from indexer.records import PhotoFile, Skipped
from indexer.training.tables import read_labels, read_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from indexer.records import CaptionRow

Kind = Literal["caption", "label"]
Part = Literal["train", "validation", "test"]
Names: TypeAlias = "Mapping[str, Mapping[str, str]]"  # a label -> its name by language

UNSTATED = "en"  # the language of rows that state none
NO_COLLECTION = "photos"
FEWEST_TOGETHER = 50  # captioned photos of one collection to be measured alone
TRAIN, VALIDATION = 0.70, 0.85  # where the parts end


@dataclass(frozen=True, slots=True)
class TrainingPhoto:
    """A photo with something said about it; copies of the same bytes are one."""

    path: Path
    content_hash: bytes
    collection: str


@dataclass(frozen=True, slots=True)
class Said:
    """A caption or a label of the photo in row `photo`."""

    photo: int
    text: str
    language: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Collection:
    """What there is to learn from, and what rows name that could not be used."""

    photos: tuple[TrainingPhoto, ...]
    said: tuple[Said, ...]
    names: Names
    unmatched: tuple[str, ...] = ()  # names of no photo
    ambiguous: tuple[str, ...] = ()  # names of several
    skipped: tuple[Skipped, ...] = ()

    @property
    def captions(self) -> tuple[Said, ...]:
        """What describes photos."""
        return tuple(each for each in self.said if each.kind == "caption")

    @property
    def labels(self) -> tuple[Said, ...]:
        """What names photos."""
        return tuple(each for each in self.said if each.kind == "label")


def read_collection(
    paths: Sequence[Path],
    *,
    captions: Sequence[Path],
    labels: Sequence[Path] = (),
    names: Path | None = None,
) -> Collection:
    """Read captions files and match them to the photos beneath `paths`.

    Raises PathNotFoundError, CaptionsError, and TrainingError where no photo has a caption.
    """
    roots = [absolute(path) for path in paths]
    files = [item.path for item in discover(roots) if isinstance(item, PhotoFile)]
    matcher = PhotoNames(enumerate(files), roots=roots)
    unmatched: dict[str, None] = {}
    ambiguous: dict[str, None] = {}
    rows: list[tuple[int, CaptionRow, Kind]] = []
    for kind, row, file in _read(captions, labels):
        match = matcher.match(row.image, captions_file=file)
        if match.photo_id is not None:
            rows.append((match.photo_id, row, kind))
        else:
            (ambiguous if match.is_ambiguous else unmatched)[row.image] = None
    photos, row_of, skipped = _distinct(
        files, {photo: row.collection for photo, row, _ in rows[::-1]}
    )
    said = tuple(
        dict.fromkeys(
            Said(row_of[photo], row.text, row.language or UNSTATED, kind)
            for photo, row, kind in rows
            if photo in row_of
        )
    )
    if not any(each.kind == "caption" for each in said):
        raise TrainingError(
            f"None of the {len(files):,} photos has a caption in the files given. "
            "Check that the files name photos beneath the folders given."
        )
    return Collection(
        photos=_with_large_collections(photos, said),
        said=said,
        names=read_names(names),
        unmatched=tuple(unmatched),
        ambiguous=tuple(ambiguous),
        skipped=skipped,
    )


def _read(
    captions: Sequence[Path], labels: Sequence[Path]
) -> Iterator[tuple[Kind, CaptionRow, Path]]:
    for file in map(absolute, captions):
        for row in read_captions(file):
            yield "caption", row, file
    for file in map(absolute, labels):
        for row in read_labels(file):
            yield "label", row, file


def _distinct(
    files: Sequence[Path], collections: Mapping[int, str | None]
) -> tuple[list[TrainingPhoto], dict[int, int], tuple[Skipped, ...]]:
    """Give the photos that rows name, each content once, and the row of each file."""
    photos: list[TrainingPhoto] = []
    row_of: dict[int, int] = {}
    known: dict[bytes, int] = {}
    skipped: list[Skipped] = []
    for file in sorted(collections, key=files.__getitem__):
        try:
            content_hash = hash_content(read_photo(files[file]))
        except DecodeError as error:
            skipped.append(Skipped(files[file], str(error)))
            continue
        if content_hash not in known:
            known[content_hash] = len(photos)
            collection = collections[file] or NO_COLLECTION
            photos.append(TrainingPhoto(files[file], content_hash, collection))
        row_of[file] = known[content_hash]
    return photos, row_of, tuple(skipped)


def _with_large_collections(
    photos: Sequence[TrainingPhoto], said: Sequence[Said]
) -> tuple[TrainingPhoto, ...]:
    """Put captioned photos of small collections together: a few can measure nothing."""
    captioned = {each.photo for each in said if each.kind == "caption"}
    sizes = Counter(photos[row].collection for row in captioned)
    return tuple(
        replace(photo, collection=NO_COLLECTION)
        if 0 < sizes[photo.collection] < FEWEST_TOGETHER
        else photo
        for photo in photos
    )


def split(photos: Iterable[TrainingPhoto], *, seed: int) -> list[Part]:
    """Give each photo its part: 70 % to train on, 15 % to choose by, 15 % to report on.

    The part depends on the photo's content and the seed alone, so copies stay together and a
    photo stays where it is when others come or go.
    """
    return [_part(photo.content_hash, seed) for photo in photos]


def _part(content_hash: bytes, seed: int) -> Part:
    digest = hashlib.sha256(seed.to_bytes(8, "little") + content_hash).digest()
    place = int.from_bytes(digest[:8], "little") / 2**64
    if place < TRAIN:
        return "train"
    return "validation" if place < VALIDATION else "test"
