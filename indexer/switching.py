"""A library's change from one model to another: which photos are left to embed, and the change.

The old space answers until every photo and caption has an embedding in the new one; then one
transaction makes that current. Knows nothing of loading or encoding.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog import captions, embeddings, photos, spaces
from indexer.files import is_within
from indexer.plan import is_gone, is_same
from indexer.records import PhotoFile, Skipped, Switch
from indexer.sidecars import sidecars_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from indexer.library import Library
    from indexer.plan import Known, Plan


def left_elsewhere(known: Known, plan: Plan) -> Iterator[PhotoFile]:
    """Yield the photos that lack an embedding and that no folder of the plan would show."""
    roots = {str(root) for root in plan.roots}
    for path in known.lacking:
        if path in plan.seen or is_within(path, roots):
            continue
        try:
            status = Path(path).stat()
        except OSError:
            continue  # it is lacking still when the switch is tried, and named then
        read = known.metadata.get(path, {})  # what no rule leaves out
        beside = sidecars_of(Path(path)) if read else ()
        sides = tuple(each for each in beside if str(each.path) in read)
        yield PhotoFile(Path(path), status.st_size, status.st_mtime_ns, sides)


def kept_unread(known: Known, plan: Plan) -> frozenset[str]:
    """Return the photos that stay if they cannot be read: no listing says that they changed."""
    paths = ((str(file.path), file) for file in plan.pending)
    return frozenset(
        path
        for path, file in paths
        if path in known.stamps and (path not in plan.seen or is_same(known.stamps[path], file))
    )


def try_switch(connection: Connection, space_id: int) -> Switch | None:
    """Make a space current if it lacks no embedding; None where it is current already.

    The photos that it lacks are named without a reason.
    """
    previous = spaces.current(connection)
    if previous is None or previous[0] == space_id:
        return None
    [chosen] = (each.space for each in spaces.held(connection) if each.id == space_id)
    lacking = photos.without_embedding(connection, space_id)
    done = not lacking and not captions.without_embedding(connection, space_id)
    if done:
        spaces.make_current(connection, space_id)
        embeddings.remove_snapshot_tokens(connection)  # the files are of the space before
    return Switch(
        previous=previous[1],
        chosen=chosen,
        done=done,
        photos=photos.count(connection),
        lacking=tuple(Skipped(Path(path), "") for path in lacking),
    )


def why_lacking(
    library: Library, lacking: tuple[Skipped, ...], reasons: Mapping[str, str]
) -> tuple[Skipped, ...]:
    """Give each photo that lacks an embedding its reason: what loading said, or its disk does."""
    with library.reading() as connection:
        mounts = photos.mounts(connection)

    def reason(path: str) -> str:
        if path in reasons:
            return reasons[path]
        return "its file is gone" if is_gone(path, mounts) else "its file cannot be reached"

    return tuple(Skipped(each.path, reason(str(each.path))) for each in lacking)
