"""The command that groups duplicates. Parses and renders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.terminal import common_options, json_option, note, progress_bar
from search.duplicates.records import KINDS
from search.duplicates.rendering import (
    duplicates_json,
    duplicates_lines,
    spare_paths,
    unseen_line,
)
from search.options import Output

if TYPE_CHECKING:
    from search.duplicates.records import Kind


@click.command()
@click.argument(
    "paths", nargs=-1, type=click.Path(readable=False, path_type=Path), metavar="[PATH...]"
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    help="What to find: files that are equal, copies that were encoded, resized or turned anew, "
    "crops, photos of one moment. Repeatable; default: all.",
)
@click.option(
    "--within",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How far apart one camera took the photos of a burst.",
)
@json_option
@click.option("--paths", "as_paths", is_flag=True, help="Print all paths but the keepers'.")
@click.option("-0", "--null", "null", is_flag=True, help="Print them, each ended with NUL.")
@common_options
def duplicates(
    paths: tuple[Path, ...],
    kinds: tuple[Kind, ...],
    within: float,
    library: Path | None,
    *,
    as_json: bool,
    as_paths: bool,
    null: bool,
    quiet: bool,
) -> None:
    """Group photos that show the same, at or beneath PATH or in all of the library.

    Each group names the photo that is best to keep, and why the others count as the same. No
    photo is ever deleted or changed: what to do about them is up to you.

    \b
      sightseek duplicates
      sightseek duplicates ~/Photos/2021 --kind exact --kind copy
      sightseek duplicates --kind exact -0 | xargs -0 ls -l
    """
    output = Output(as_json=as_json, as_paths=as_paths, null=null)
    from indexer.library import Library
    from search.duplicates.find import find_duplicates

    with Library.open(library) as opened, progress_bar(quiet=quiet) as on_progress:
        found = find_duplicates(
            opened, paths, kinds=kinds or KINDS, within=within, on_progress=on_progress
        )
    if output.as_json:
        click.echo(json.dumps(duplicates_json(found)))
    elif output.for_people:
        for line in duplicates_lines(found):
            click.echo(line)
    else:
        for path in spare_paths(found):
            click.echo(path + ("\0" if output.null else "\n"), nl=False)
    if found.unseen and not quiet:
        note(unseen_line(found))
