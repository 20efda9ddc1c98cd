"""The values that travel between the rooms. Knows nothing of files, models or tables."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    Vector: TypeAlias = npt.NDArray[np.float32]  # (dim,), of unit length
    Vectors: TypeAlias = npt.NDArray[np.float32]  # (n, dim), unit rows
    Pixels: TypeAlias = npt.NDArray[Any]  # of one image, as one model takes it
    Ids: TypeAlias = npt.NDArray[np.int64]  # (n,)

KeywordSource: TypeAlias = Literal["embedded", "sidecar", "labels"]

XMP_SUFFIX = ".xmp"
XMP_NAMESPACE = "urn:sightseek:xmp/1.0/"  # sightseek's own
OWN_LABELS = f"{{{XMP_NAMESPACE}}}labels"  # names the keywords of a sidecar that sightseek wrote
GLANCE = 32  # pixels of a side of the thumbnails that a library keeps

# What is read of a photo, as a number: it grows when that becomes more, and photos of a lower one
# are read again by the next run over them.
READING = 1


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A file's path (absolute) with the size and mtime that tell whether it has changed."""

    path: Path
    size: int
    mtime_ns: int

    @property
    def is_xmp(self) -> bool:
        """Tell a sidecar of metadata from one of captions."""
        return self.path.suffix == XMP_SUFFIX


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A file that may be a photo, as a directory listing shows it; it has not been opened."""

    path: Path
    size: int
    mtime_ns: int
    sidecars: tuple[FileStamp, ...] = ()  # `photo.jpg.txt`, `photo.txt`, the same in `.xmp`

    @property
    def texts(self) -> tuple[FileStamp, ...]:
        """The sidecars that hold captions."""
        return tuple(each for each in self.sidecars if not each.is_xmp)

    @property
    def metadata(self) -> tuple[FileStamp, ...]:
        """The sidecars that hold XMP."""
        return tuple(each for each in self.sidecars if each.is_xmp)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A folder whose photos a listing cannot speak of: it is unreadable, or strangely empty."""

    path: Path
    reason: str
    empty: bool = False  # nothing to report unless the library has photos from it


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that looked like a photo and could not be read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a photo's metadata says of it. Width and height are in pixels, upright."""

    width: int
    height: int
    format: str  # Pillow's name: JPEG, PNG, WEBP, AVIF, HEIF, ...
    taken_at: datetime | None = None  # as the camera's clock showed it, offset when recorded
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = None  # degrees, north positive
    longitude: float | None = None  # degrees, east positive
    title: str | None = None
    description: str | None = None
    place: str | None = None  # by the names that it was given: `Montmartre, Paris, France`
    focal_length: float | None = None  # mm
    aperture: float | None = None  # the f-number
    iso: int | None = None
    rating: int | None = None  # stars, 0 to 5; -1 where it was rejected


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a photo looks like: enough to tell whether another shows the same picture."""

    thumbnail: bytes  # GLANCE rows of GLANCE grey levels: the whole upright photo, squashed
    sharpness: float  # variance of the Laplacian at one size for all, in squared grey levels


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word that someone or something gave a photo."""

    text: str
    source: KeywordSource
    score: float | None = None  # how sure a model was, where it gave the keyword


@dataclass(frozen=True, slots=True)
class Space:
    """The identity of an embedding space: vectors compare only within one."""

    model: str  # the name to load it by
    weights_digest: str
    preprocessing_digest: str
    dim: int

    def __str__(self) -> str:
        return f"{self.model}@{self.weights_digest[:12]}-{self.preprocessing_digest[:8]}"

    @property
    def identity(self) -> tuple[str, str, int]:
        """What tells one space from another: the name does not matter."""
        return self.weights_digest, self.preprocessing_digest, self.dim

    def same_as(self, other: Space) -> bool:
        """Tell whether vectors of both may be compared."""
        return self.identity == other.identity


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo in a library."""

    id: int
    path: Path
    content_hash: bytes
    facts: Facts
    keywords: tuple[Keyword, ...] = ()  # by text, then by source


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption in a library, with the photo that it describes."""

    id: int
    text: str
    photo: Photo
    language: str | None = None
    source: str = ""  # the path of the file it came from; "embedded" for the photo's own metadata


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """One caption as a captions file states it; `image` is not yet matched to a photo."""

    image: str
    text: str
    language: str | None = None
    line: int | None = None
    collection: str | None = None  # where a table says its photos are from


@dataclass(frozen=True, slots=True)
class Background:
    """What a model makes of texts and photos of all kinds: what chance looks like in its space.

    The first rows of both languages describe the photos, in their order.
    """

    english: Vectors  # (m, dim), unit rows
    chinese: Vectors  # (m, dim)
    photos: Vectors  # (p, dim), p <= m


@dataclass(frozen=True, slots=True)
class Switch:
    """A library's change from one model to another, made or waiting."""

    previous: Space
    chosen: Space
    done: bool
    photos: int  # in the library
    lacking: tuple[Skipped, ...] = ()  # photos without a vector in the chosen space, and why


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run of the indexer did, or a part of one: reports add up."""

    added: int = 0
    updated: int = 0
    moved: int = 0
    unchanged: int = 0
    reread: int = 0  # among the unchanged: read again for what was not kept of them before
    removed: int = 0
    kept: int = 0  # photos that were not found, in folders that could not be listed
    encoded: int = 0  # photos that went through the model
    skipped: tuple[Skipped, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    captions_added: int = 0
    captions_removed: int = 0
    captions_unmatched: tuple[str, ...] = ()  # names that match no photo
    captions_ambiguous: tuple[str, ...] = ()  # names that match several
    seconds: float = 0.0
    interrupted: bool = False
    switch: Switch | None = None  # set when a run was to change the library's model

    def __add__(self, other: IndexReport) -> IndexReport:
        sums = {
            each.name: getattr(self, each.name) + getattr(other, each.name)
            for each in fields(self)
            if each.name not in {"interrupted", "switch"}
        }
        return IndexReport(
            **sums,
            interrupted=self.interrupted or other.interrupted,
            switch=other.switch or self.switch,
        )

    @property
    def images_per_second(self) -> float:
        """Photos encoded per second of the whole run."""
        return self.encoded / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` files or captions."""

    stage: str
    done: int
    total: int
