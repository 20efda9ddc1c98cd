"""Which space of a library a query may meet, an indexer fill, and its owner forget.

Knows the rules and what to say when they are broken; transactions are the caller's.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog import embeddings, photos, spaces
from indexer.errors import LibraryError, SpaceMismatchError, UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from indexer.catalog.spaces import Held
    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Space


def require(connection: Connection, library: Path, space: Space) -> int:
    """Return the id of a space that was filled once; the current one, or one before it.

    Raises SpaceMismatchError, and LibraryError when nothing was ever indexed.
    """
    current = spaces.current(connection)
    if current is None:
        raise empty(library)
    found = spaces.find(connection, space)
    if found is None:
        raise mismatch(library, current[1], space)
    if not found.is_ready:
        done, total = photos.with_embedding(connection, found.id), photos.count(connection)
        raise SpaceMismatchError(
            f"The library at {library} is still being filled with vectors of {found.space} "
            f"({done:,} of {total:,} photos). Finish it with: "
            f"{switch_command(library, found.space.model)}"
        )
    return found.id


def take(connection: Connection, library: Path, space: Space, *, switch: bool) -> int:
    """Return the id of the space that an indexer fills: the current one, or the next with `switch`.

    A library without vectors takes any. The same model under another name keeps its old one,
    unless nothing goes by that any more. Raises SpaceMismatchError.
    """
    current = spaces.current(connection)
    is_current = current is not None and current[1].same_as(space)
    if current is None or (not is_current and embeddings.is_empty(connection)):
        return _start(connection, space)
    if not is_current and not switch:
        raise mismatch(library, current[1], space)
    found = spaces.find(connection, space)
    if found is None:
        return spaces.add(connection, space)
    _rename(connection, found, space.model)
    return found.id


def spare(connection: Connection, library: Path, name: str) -> Held:
    """Find a space to forget by its model's name or by all of its name, as `status` prints it.

    Raises LibraryError when there is none, when there are several, and when queries use it.
    """
    found = named(connection, library, name)
    if found.is_current:
        raise LibraryError(
            f"Searches use the space {found.space}. To forget it, change to another model "
            f"first: {switch_command(library, 'OTHER')}"
        )
    return found


def named(connection: Connection, library: Path, name: str) -> Held:
    """Find a space by its model's name or by all of its name, as `status` prints it.

    Raises LibraryError when there is none, and when there are several.
    """
    held = spaces.held(connection)
    names = {name, str(Path(name).expanduser().resolve()), _canonical(name)}
    found = [each for each in held if str(each.space) == name]
    found = found or [each for each in held if each.space.model in names]
    if not found:
        known = ", ".join(str(each.space) for each in held) or "none"
        raise LibraryError(
            f"The library at {library} holds no space {name}. Name one that it holds: {known}"
        )
    if len(found) > 1:
        several = " or ".join(str(each.space) for each in found)
        raise LibraryError(f"{name} names several spaces. Give one with all of its name: {several}")
    return found[0]


def mismatch(library: Path, mine: Space, other: Space) -> SpaceMismatchError:
    """Say that a library's vectors and a model's are not of one space."""
    command = switch_command(library, other.model)
    if mine.model == other.model:
        return SpaceMismatchError(
            f"The library at {library} was made with {mine}, and that model is now {other}: their "
            f"vectors do not compare. Embed your photos anew with: {command}"
        )
    return SpaceMismatchError(
        f"The library at {library} holds vectors of the model {mine}, which do not compare with "
        f"those of {other}. Use its own model, or change the library's with: {command}"
    )


def empty(library: Path) -> LibraryError:
    """Say that nothing was ever indexed."""
    return LibraryError(f"The library at {library} is empty. Fill it with: sightseek index FOLDER")


def switch_command(library: Path, model: str) -> str:
    """Return the command that begins a change to another model, or finishes one."""
    words = ["sightseek", "index", "--model", model, "--library", str(library)]
    return shlex.join(words)


def library_encoder(
    library: Library, load_model: Callable[[str], Encoder], *, space: Space | None = None
) -> Encoder:
    """Load the model of a library, or of another of its spaces; an empty one has none.

    Raises SpaceMismatchError when the model of that name is another by now.
    """
    space = space or library.space
    if space is None:
        raise empty(library.path)
    encoder = load_model(space.model)
    if not encoder.space.same_as(space):  # it may be one that the library held before
        raise mismatch(library.path, space, encoder.space)
    return encoder


def _start(connection: Connection, space: Space) -> int:
    for each in spaces.held(connection):
        if not each.space.same_as(space):
            spaces.remove(connection, each.id)  # without vectors, it is nothing to go back to
    found = spaces.find(connection, space)
    space_id = found.id if found else spaces.add(connection, space)
    if found is not None:
        _rename(connection, found, space.model)
    spaces.make_current(connection, space_id)
    embeddings.remove_snapshot_tokens(connection)
    return space_id


def _canonical(name: str) -> str:
    """Give the name that a model's space goes by, for what may not be on this machine any more."""
    from indexer.encoders.registry import canonical_name

    try:
        return canonical_name(name)
    except UnknownModelError:
        return name


def _rename(connection: Connection, found: Held, model: str) -> None:
    from indexer.encoders.registry import is_known

    if not is_known(found.space.model):
        spaces.rename(connection, found.id, model)
