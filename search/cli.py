"""The root command, search and demo; mounts the other commands. Parses and renders."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.encoders.cli import load
from indexer.errors import LibraryError, UsageError
from indexer.terminal import (
    Main,
    common_options,
    is_terminal,
    max_pixels_option,
    note,
    printable,
    starting,
)
from search.options import filter_options, output_options, query_options, seeing_options
from search.rendering import DOUBTS, hit_lines, note_lines, paths, results_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.encoders import Encoder
    from search.options import Filtered, Output, Seeing, Wanted
    from search.query import Query
    from search.results import Results


_HOMES = {
    **dict.fromkeys(("index", "status", "doctor", "forget", "embed"), "indexer.cli"),
    "models": "indexer.encoders.cli",
    "train": "indexer.training.cli",
    "classify": "search.labelling.cli",
    "duplicates": "search.duplicates.cli",
    "evaluate": "search.evaluation.cli",
    "mcp": "search.mcp.cli",
    "serve": "search.web.cli",
}


@click.group(cls=Main, homes=_HOMES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sightseek")
def main() -> None:
    """Find photos by describing them, or by another photo.

    \b
      sightseek demo                        a first look, on photos that come with sightseek
      sightseek index ~/Photos              make a library of your photos
      sightseek search "a dog on a beach"   find photos by words
      sightseek search holiday.jpg          find photos by a photo
    """


@main.command()
@click.argument("terms", nargs=-1, metavar="[TERM]...")
@query_options
@filter_options
@output_options
@seeing_options
@max_pixels_option
@common_options
def search(
    terms: tuple[str, ...],
    max_pixels: int,
    library: Path | None,
    *,
    wanted: Wanted,
    filtered: Filtered,
    output: Output,
    seeing: Seeing,
    quiet: bool,
) -> None:
    """Rank photos, or captions, for words, photos, or both.

    A TERM is a text, a photo's path, or the http(s) URL of one. Put + or - between terms to add
    or subtract, and a number before one to weigh it. A backslash takes a term as plain words.

    Photos are found by their looks, by the meaning of their captions and by words: of captions,
    titles, descriptions, keywords, file and folder names. [caption, words] behind a photo says
    which of the latter found it too; --channels narrows them.

    Hits show their cosine and how sure they are, from 0 to 1: the share of right ones to expect
    among hits that show this figure.

    Filters leave photos out before the rest is ranked; all must hold, and each may be repeated. In
    a text they are words like after:2021 or camera:"pixel 7"; -keyword:cat asks for the others, and
    -cat subtracts a word.

    \b
      sightseek search "a dog on a beach"
      sightseek search holiday.jpg
      sightseek search holiday.jpg --target captions
      sightseek search "two people" + beach.jpg - "0.5:boat"
      sightseek search "a dog" --after 2021-05 --before 2023 --has gps
      sightseek search 'dog after:2021 camera:"pixel 7" -cat'
      sightseek search IMG_2041 --channels words
      sightseek search "a dog" --like 17 --like 23 --unlike 5
    """
    if seeing.preview and not output.for_people:
        raise UsageError("--preview is for people; --json, --paths and -0 are not. Choose one.")
    from search.filter_text import read_options
    from search.query import Query

    query = Query.parse(
        terms,
        target=wanted.target,
        top_k=wanted.top_k,
        exclude_self=wanted.exclude_self,
        channels=wanted.channels,
        filters=read_options(filtered.values),
        like=wanted.like,
        unlike=wanted.unlike,
        diverse=wanted.diverse,
        collapse=output.for_people if wanted.collapse is None else wanted.collapse,
    )
    query = replace(query, min_confidence=_least(query, wanted, output))
    with starting():
        results = _results(query, library, max_pixels=max_pixels, quiet=quiet)
    if wanted.min_confidence and results.doubt == "uncalibrated":
        raise LibraryError(DOUBTS["uncalibrated"])
    if output.as_json:
        click.echo(json.dumps(results_json(results)))
    elif not output.for_people:
        for path in paths(results):
            click.echo(path + ("\0" if output.null else "\n"), nl=False)
    elif not (seeing.preview and _echo_previews(results, max_pixels, quiet=quiet)):
        _echo_hits(results, quiet=quiet)
    if seeing.makes_sheet:
        _make_sheet(results, seeing, max_pixels, quiet=quiet)


@main.command()
@common_options
def demo(library: Path | None, *, quiet: bool) -> None:
    """Index the photos that come with sightseek, search them, and say what to type next.

    Uses a library that is deleted afterwards, unless --library names one to keep.
    """
    from tempfile import TemporaryDirectory

    from indexer.library import Library
    from search.demo import run_demo

    with ExitStack() as stack:
        folder = library or Path(stack.enter_context(TemporaryDirectory(prefix="sightseek-")))
        opened = stack.enter_context(Library.open(folder, writable=True))
        if not quiet:
            note("Indexing the photos that come with sightseek...")
        found = run_demo(opened, load("builtin", quiet=quiet))
    click.echo(f"Indexed {found.photos} photos with captions in {found.report.seconds:.1f} s.\n")
    click.echo('Photos for "a cup of coffee":')
    _echo_hits(found.by_text, quiet=quiet)
    click.echo("\nPhotos that look like cat.jpg:")
    _echo_hits(found.by_photo, quiet=quiet)
    click.echo("\nCaptions for astronaut.jpg:")
    _echo_hits(found.captions, quiet=quiet)
    click.echo(
        "\nNow your own photos:\n"
        "  sightseek index ~/Photos\n"
        '  sightseek search "a dog on a beach"\n'
        "  sightseek search holiday.jpg"
    )


def _results(query: Query, path: Path | None, *, max_pixels: int, quiet: bool) -> Results:
    load_model = _for_queries(quiet=quiet)
    if any(term.kind == "text" for term in query.terms):
        from indexer.ahead import load_ahead
        from indexer.places import library_path

        # before what comes next, which takes as long to import as a model takes to load
        load_model = load_ahead(library_path(path), load_model)
    from indexer.library import Library
    from indexer.spaces import library_encoder
    from search.engine import SearchEngine

    with Library.open(path) as library:
        encoder = library_encoder(library, load_model)
        return SearchEngine(library, encoder, max_pixels=max_pixels).search(query)


def _least(query: Query, wanted: Wanted, output: Output) -> float:
    if wanted.min_confidence is not None:
        return wanted.min_confidence
    from search.query import CUT_OFF

    # programs get what they ask for, and who shows a photo asks for what is nearest to it; a person
    # who types words need not look at what is likely wrong
    by_words = query.is_told and not (query.like or query.unlike)
    return CUT_OFF if output.for_people and by_words and not wanted.everything else 0.0


def _for_queries(*, quiet: bool) -> Callable[[str], Encoder]:
    return partial(load, quiet=quiet, for_queries=True)


def _echo_previews(results: Results, max_pixels: int, *, quiet: bool) -> bool:
    """Print hits with their photos; False where there are none, or the terminal shows none."""
    from search.graphics import NAME, protocol

    using = protocol(os.environ) if is_terminal(sys.stdout) else None
    if using is None:
        if not quiet:
            note(
                "--preview needs a terminal that shows pictures: kitty, iTerm2, WezTerm, Ghostty, "
                f"foot, ... If yours does, set {NAME} to kitty, iterm2 or sixel; or use --open."
            )
        return False
    if not results.hits:
        return False
    from search.previews import previews

    for block in previews(results, using, sys.stdout, max_pixels=max_pixels):
        click.echo(block)
    _echo_notes(results, quiet=quiet)
    return True


def _make_sheet(results: Results, seeing: Seeing, max_pixels: int, *, quiet: bool) -> None:
    from search.browser import show_page, write_page
    from search.sheet import contact_sheet

    path = write_page(contact_sheet(results, max_pixels=max_pixels), seeing.sheet)
    if seeing.open_sheet and not show_page(path):
        note(
            f"There is no browser here to open it with. The contact sheet is {printable(str(path))}"
        )
    elif not quiet:
        note(f"Contact sheet: {printable(str(path))}")


def _echo_hits(results: Results, *, quiet: bool) -> None:
    for line in hit_lines(results, links=is_terminal(sys.stdout)):
        click.echo(line)
    _echo_notes(results, quiet=quiet)


def _echo_notes(results: Results, *, quiet: bool) -> None:
    if not quiet:
        for line in note_lines(results):
            note(line)


if __name__ == "__main__":
    main()
