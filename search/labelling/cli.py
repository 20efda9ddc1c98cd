"""The command `classify`: labels for photos, without training. Parses and renders."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.encoders.cli import load
from indexer.errors import SidecarError, UsageError
from indexer.terminal import common_options, echo_lines, json_option, progress_bar
from search.options import filter_options

if TYPE_CHECKING:
    from collections.abc import Collection

    from indexer.library import Library
    from search.labelling.classify import Labelling
    from search.labelling.files import LabelList
    from search.labelling.sidecars import Sidecars
    from search.options import Filtered


@click.command()
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(readable=False, path_type=Path),
    metavar="FILE",
    help="Labels, one a line: 'dog', or 'dog: puppy, hound' for other names of the same.",
)
@click.option(
    "--template",
    "templates",
    multiple=True,
    metavar="TEXT",
    help="A sentence to put each name in, at {}, as in 'a photo of a {}'; several are averaged. "
    "Default: a few in English, or in Chinese for Chinese names. Repeatable.",
)
@click.option(
    "--min-confidence",
    "--threshold",
    "min_confidence",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="X",
    help="How sure a label must be, from 0 to 1; at 0.5 it is as likely right as wrong.",
)
@click.option(
    "--max-labels",
    type=click.IntRange(min=1),
    metavar="N",
    help="Give a photo its N surest labels at the most.",
)
@click.option("--dry-run", is_flag=True, help="Print each photo's labels, and write nothing.")
@click.option(
    "--write-xmp",
    is_flag=True,
    help="Write labels to XMP sidecars beside the photos, too (photo.jpg.xmp).",
)
@click.option(
    "--clear",
    is_flag=True,
    help="Take away the keywords that classify gave: those of --labels, or all.",
)
@filter_options
@json_option
@common_options
def classify(
    labels_file: Path | None,
    templates: tuple[str, ...],
    min_confidence: float,
    max_labels: int | None,
    library: Path | None,
    *,
    filtered: Filtered,
    dry_run: bool,
    write_xmp: bool,
    clear: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Label photos with names from a file, by the library's own model.

    A label becomes a keyword of the photos that it applies to, which searches find at once. Run it
    again after indexing more photos, or with other labels: what a former run of the same labels
    gave is replaced; keywords from files, from people and of other labels stay. Photos are never
    written to. With filters (--folder, --after, ...) only photos that fulfil them are labelled.

    \b
      sightseek classify --labels labels.txt --dry-run
      sightseek classify --labels labels.txt --folder "2024/*" --max-labels 3 --write-xmp
      sightseek classify --clear
    """  # fmt: skip
    from indexer.library import Library
    from search.filter_text import read_options
    from search.labelling.classify import photos_that
    from search.labelling.files import read_labels
    from search.labelling.rendering import (
        cleared_lines,
        failed_lines,
        labelled_lines,
        labelling_json,
        labelling_lines,
        repeated_lines,
    )
    from search.labelling.sidecars import write_sidecars
    from search.labelling.templates import checked

    if labels_file is None and not clear:
        raise UsageError("There are no labels. Name a file of them: --labels FILE")
    templates = checked(templates)
    filters = read_options(filtered.values)
    labels = read_labels(labels_file) if labels_file else None
    repeated = labels.repeated if labels else ()
    if not quiet:
        echo_lines(repeated_lines(repeated), err=True)
    sidecars: Sidecars | None = None
    with Library.open(library, writable=not dry_run, make=False) as opened:
        within = photos_that(opened, filters)
        if clear or labels is None:  # a file of labels, or --clear, is there
            found = _cleared(opened, labels, within, dry_run=dry_run)
        else:
            found = _classified(
                opened,
                labels,
                within,
                templates=templates,
                min_confidence=min_confidence,
                max_labels=max_labels,
                dry_run=dry_run,
                quiet=quiet,
            )
        if write_xmp and not dry_run:
            with progress_bar(quiet=quiet) as on_progress:
                sidecars = write_sidecars(opened, within, on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(labelling_json(found, sidecars, repeated, dry_run=dry_run)))
    else:
        if dry_run:
            echo_lines(labelled_lines(found))
        if not quiet:
            lines = cleared_lines if clear else labelling_lines
            echo_lines(lines(found, sidecars, dry_run=dry_run), err=dry_run)
    if sidecars and sidecars.failed:
        echo_lines(failed_lines(sidecars), err=True)
        raise SidecarError(
            f"XMP sidecars could not be written for {len(sidecars.failed):,} of the photos; the "
            "library has their labels. Repair what is named above, and run the same command again."
        )


def _classified(
    library: Library,
    labels: LabelList,
    within: Collection[int] | None,
    *,
    templates: tuple[str, ...],
    min_confidence: float,
    max_labels: int | None,
    dry_run: bool,
    quiet: bool,
) -> Labelling:
    from indexer.background import Material, known_background
    from indexer.spaces import library_encoder
    from search.labelling.classify import classify as give_labels

    encoder = library_encoder(library, partial(load, quiet=quiet, for_queries=True))
    with progress_bar(quiet=quiet) as on_progress:
        return give_labels(
            library,
            encoder,
            labels.labels,
            background=known_background(encoder, Material.read()).english,
            templates=templates,
            min_confidence=min_confidence,
            max_labels=max_labels,
            within=within,
            dry_run=dry_run,
            on_progress=on_progress,
        )


def _cleared(
    library: Library,
    labels: LabelList | None,
    within: Collection[int] | None,
    *,
    dry_run: bool,
) -> Labelling:
    from search.labelling.classify import clear

    names = labels.names if labels else None
    return clear(library, names, within=within, dry_run=dry_run)
