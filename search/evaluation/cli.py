"""The command that measures: evaluate. Parses and renders."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from indexer.cli import library_encoder
from indexer.encoders.cli import load
from indexer.terminal import common_options, json_option, note


@click.command()
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
    from search.evaluation.runs import evaluate as measure
    from search.evaluation.runs import read_pairs

    with Library.open(library) as opened:
        encoder = library_encoder(opened, partial(load, quiet=quiet, for_queries=True))
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
