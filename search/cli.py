"""The root command, and the commands that read: search, evaluate, demo. Parses and renders."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.cli import COMMANDS, library_encoder
from indexer.encoders.cli import load
from indexer.errors import UsageError
from indexer.terminal import (
    Main,
    common_options,
    is_terminal,
    json_option,
    max_pixels_option,
    note,
    printable,
    starting,
)
from indexer.training.cli import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.encoders import Encoder
    from search.query import Query, Target
    from search.results import Hit, Results


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
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
@click.argument("terms", nargs=-1, required=True, metavar="TERM...")
@click.option(
    "-k", "top_k", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="How many results.",
)  # fmt: skip
@click.option(
    "--target",
    type=click.Choice(["photos", "captions"]),
    default="photos",
    show_default=True,
    help="What to find.",
)
@click.option(
    "--exclude-self/--include-self",
    default=True,
    show_default=True,
    help="Whether a photo that is searched by is left out of the results.",
)
@json_option
@click.option("--paths", "as_paths", is_flag=True, help="Print the photos' paths, one a line.")
@click.option("-0", "--null", "null", is_flag=True, help="Print paths, each ended with NUL.")
@max_pixels_option
@common_options
def search(
    terms: tuple[str, ...],
    top_k: int,
    target: Target,
    max_pixels: int,
    library: Path | None,
    *,
    exclude_self: bool,
    as_json: bool,
    as_paths: bool,
    null: bool,
    quiet: bool,
) -> None:
    """Rank photos, or captions, for words, photos, or both.

    A TERM is a text, a photo's path, or the http(s) URL of one. Put + or - between terms to add
    or subtract, and a number before one to weigh it. A backslash takes a term as plain words.

    \b
      sightseek search "a dog on a beach"
      sightseek search holiday.jpg
      sightseek search holiday.jpg --target captions
      sightseek search "two people" + beach.jpg - "0.5:boat"
    """
    if as_json and (as_paths or null):
        raise UsageError("--json and --paths (or -0) cannot go together. Choose one.")
    from search.query import Query

    query = Query.parse(terms, target=target, top_k=top_k, exclude_self=exclude_self)
    with starting():
        results = _results(query, library, max_pixels=max_pixels, quiet=quiet)
    if as_json:
        click.echo(json.dumps(_results_json(results)))
    elif as_paths or null:
        _echo_paths(results, end="\0" if null else "\n")
    else:
        _echo_hits(results, quiet=quiet)


@main.command()
@click.option(
    "--queries",
    required=True,
    type=click.Path(readable=False, path_type=Path),
    metavar="CSV",
    help="Pairs 'image,caption'; the images must be in the library.",
)
@json_option
@common_options
def evaluate(queries: Path, library: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Measure how well captions find their photos, and photos their captions.

    The captions of the file are queries only. Each is ranked over all photos of the library;
    each photo is ranked over all captions of the file.
    """
    from indexer.library import Library
    from search.evaluation import evaluate as measure
    from search.evaluation import read_pairs

    with Library.open(library) as opened:
        encoder = library_encoder(opened, _for_queries(quiet=quiet))
        pairs = read_pairs(queries.absolute(), opened)
        evaluation = measure(opened, encoder, pairs)
    directions = {
        "text_to_image": evaluation.text_to_image,
        "image_to_text": evaluation.image_to_text,
    }
    figures = {name: measures.as_dict() for name, measures in directions.items()}
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, values in figures.items():
        row = "  ".join(f"{key} {value:.4g}" for key, value in values.items())
        click.echo(f"{name}  {row}")
    if not quiet:
        measures = evaluation.text_to_image
        note(f"{measures.queries:,} captions over {evaluation.photos:,} distinct photos")


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


for _command in (*COMMANDS, train):
    main.add_command(_command)


def _results(query: Query, path: Path | None, *, max_pixels: int, quiet: bool) -> Results:
    load_model = _for_queries(quiet=quiet)
    if any(term.kind == "text" for term in query.terms):
        from indexer.ahead import load_ahead
        from indexer.places import library_path

        # before what comes next, which takes as long to import as a model takes to load
        load_model = load_ahead(library_path(path), load_model)
    from indexer.library import Library
    from search.engine import SearchEngine

    with Library.open(path) as library:
        encoder = library_encoder(library, load_model)
        return SearchEngine(library, encoder, max_pixels=max_pixels).search(query)


def _for_queries(*, quiet: bool) -> Callable[[str], Encoder]:
    return partial(load, quiet=quiet, for_queries=True)


def _results_json(results: Results) -> dict[str, object]:
    return {
        "query": str(results.query),
        "target": results.query.target,
        "model": results.model,
        "hits": [_hit_json(hit) for hit in results.hits],
    }


def _hit_json(hit: Hit) -> dict[str, object]:
    photo, facts = hit.photo, hit.photo.facts
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "path": str(photo.path),
        "id": photo.id,
        "caption": hit.caption.text if hit.caption else None,
        "language": hit.caption.language if hit.caption else None,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "taken_at": facts.taken_at.isoformat() if facts.taken_at else None,
        "camera": facts.camera,
        "lens": facts.lens,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
    }


def _echo_paths(results: Results, *, end: str) -> None:
    # a photo with several captions among the hits is one photo
    for path in dict.fromkeys(str(hit.photo.path) for hit in results.hits):
        click.echo(path + end, nl=False)


def _echo_hits(results: Results, *, quiet: bool) -> None:
    if not results.hits and not quiet:
        note(f"The library holds no {results.query.target}.")
    for hit in results.hits:
        found = f"{printable(hit.caption.text)}  " if hit.caption else ""
        click.echo(f"{hit.rank:3}  {hit.score:.4f}  {found}{_link(hit.photo.path)}")


def _link(path: Path) -> str:
    name = printable(str(path))
    if not is_terminal(sys.stdout):
        return name
    return f"\033]8;;{path.as_uri()}\033\\{name}\033]8;;\033\\"  # OSC 8


if __name__ == "__main__":
    main()
