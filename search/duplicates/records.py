"""What `duplicates` finds: groups, and what speaks for each. Knows not how they are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from indexer.records import Photo

Kind: TypeAlias = Literal["exact", "copy", "crop", "burst"]

KINDS: tuple[Kind, ...] = get_args(Kind)  # the surest first


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why two photos count as one; what was not compared is None."""

    kind: Kind
    cosine: float | None = None
    hash_distance: int | None = None  # bits that differ, of 64
    likeness: float | None = None  # correlation of what is fine in their thumbnails, when aligned
    turned: int = 0  # degrees between the two: 0, 90 or 180
    seconds: float | None = None  # between the two, when one camera took both


EXACT = Evidence("exact", cosine=1.0, hash_distance=0, likeness=1.0)


@dataclass(frozen=True, slots=True)
class Member:
    """A photo of a group, and what speaks for its being in it: nothing, for the keeper."""

    photo: Photo
    bytes: int
    mtime_ns: int
    sharpness: float | None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that show the same, each compared with the one that is best to keep."""

    kind: Kind  # the least sure of its members'
    keeper: Member
    others: tuple[Member, ...]

    @property
    def bytes(self) -> int:
        """What would be free without the others."""
        return sum(other.bytes for other in self.others)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The groups of a library, those that would free most first."""

    groups: tuple[Group, ...]
    photos: int  # that were compared
    unseen: int  # of them: those whose looks `index` has not learned yet

    @property
    def bytes(self) -> int:
        """What would be free without all but the keepers."""
        return sum(group.bytes for group in self.groups)
