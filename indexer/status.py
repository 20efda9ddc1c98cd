"""What a library holds, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from indexer.catalog import captions, keywords, photos, spaces

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from indexer.catalog.spaces import Held
    from indexer.library import Library
    from indexer.records import Skipped, Space


State: TypeAlias = Literal["current", "ready", "being filled"]


@dataclass(frozen=True, slots=True)
class SpaceStatus:
    """How much of a library one of its spaces covers."""

    space: Space
    state: State
    photos: int
    captions: int
    lacking: int  # photos without a vector in it


@dataclass(frozen=True, slots=True)
class Known:
    """How many photos something is known of."""

    dates: int
    gps: int
    ratings: int
    keywords: int
    outdated: int  # of which more can be read than was


@dataclass(frozen=True, slots=True)
class Status:
    """A library in figures."""

    library: Path
    space: Space | None
    photos: int
    captions: int
    skipped: tuple[Skipped, ...]
    bytes: int  # of the library's own files
    spaces: tuple[SpaceStatus, ...] = ()  # oldest first
    known: Known = Known(0, 0, 0, 0, 0)
    labels: tuple[tuple[str, int], ...] = ()  # that a model gave, with their photos; most first


def read_status(library: Library) -> Status:
    """Count what a library holds."""
    with library.reading() as connection:
        found = spaces.current(connection)
        return Status(
            library=library.path,
            space=found[1] if found else None,
            photos=photos.count(connection),
            captions=captions.count(connection),
            skipped=photos.all_skipped(connection),
            bytes=library.bytes_on_disk(),
            spaces=tuple(_space(connection, held) for held in spaces.held(connection)),
            known=Known(*photos.known(connection)),
            labels=tuple(keywords.counts(connection, keywords.LABELS).items()),
        )


def read_unfinished(library: Library) -> tuple[SpaceStatus, ...]:
    """Count what the spaces cover that no query may meet yet."""
    with library.reading() as connection:
        held = [each for each in spaces.held(connection) if not each.is_ready]
        return tuple(_space(connection, each) for each in held)


def _space(connection: Connection, held: Held) -> SpaceStatus:
    state: State = "ready" if held.is_ready else "being filled"
    covered = photos.with_embedding(connection, held.id)
    return SpaceStatus(
        space=held.space,
        state="current" if held.is_current else state,
        photos=covered,
        captions=captions.with_embedding(connection, held.id),
        lacking=photos.count(connection) - covered,
    )
