"""The command `sightseek train`. Parses and renders."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.encoders.manifest import FILES, MANIFEST, SECOND_TOKENIZER
from indexer.errors import PathNotFoundError, TrainingError, UsageError
from indexer.terminal import common_options, echo_lines, json_option, note, progress_bar

if TYPE_CHECKING:
    from indexer.training.fit import Recipe

PARTS = ("labels", "pseudo", "base")
BUNDLE_FILES = (*FILES, SECOND_TOKENIZER, MANIFEST, "MODEL_CARD.md")  # what may be replaced
ANY_PATH = click.Path(readable=False, path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=ANY_PATH, metavar="PATH...")
@click.option(
    "--captions",
    required=True,
    multiple=True,
    type=ANY_PATH,
    metavar="FILE",
    help="Captions of the photos, as for 'index'; columns lang and source are used. Repeatable.",
)
@click.option(
    "--labels",
    multiple=True,
    type=ANY_PATH,
    metavar="FILE",
    help="CSV 'image,label': what is in the photos. Repeatable.",
)
@click.option(
    "--names",
    type=ANY_PATH,
    metavar="FILE",
    help="CSV 'label,lang,name': what the labels are called in other languages.",
)
@click.option(
    "--base",
    default="builtin",
    show_default=True,
    metavar="NAME",
    help="The bundle whose towers are used: 'builtin' or a bundle's folder. One that was trained "
    "on these very photos would be measured on what it learned from.",
)
@click.option(
    "-o",
    "--output",
    type=ANY_PATH,
    metavar="FOLDER",
    help="The new bundle's; without, only measure.",
)
@click.option(
    "--name", metavar="NAME", help="What the new bundle is called; default: its folder's."
)
@click.option("--description", metavar="TEXT", help="What the new bundle says of itself.")
@click.option(
    "--sources",
    type=ANY_PATH,
    metavar="FILE",
    help="CSV 'part,origin,licence': where the data is from, for the manifest and the model card.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Decides the split into training, validation and test photos, and every draw.",
)
@click.option(
    "--keep-test-out", is_flag=True, help="Write the heads measured, not ones refitted on all."
)
@click.option(
    "--without",
    multiple=True,
    metavar="PART",
    help="Leave out labels, pseudo (photos made from the base's classes), base, or a language. "
    "Repeatable.",
)
@click.option(
    "--cache",
    type=ANY_PATH,
    metavar="DIR",
    help="Where encoded photos are kept for the next run; default: the platform's cache folder.",
)
@json_option
@common_options
def train(
    paths: tuple[Path, ...],
    captions: tuple[Path, ...],
    labels: tuple[Path, ...],
    names: Path | None,
    base: str,
    output: Path | None,
    name: str | None,
    description: str | None,
    sources: Path | None,
    seed: int,
    without: tuple[str, ...],
    cache: Path | None,
    library: Path | None,
    *,
    keep_test_out: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a model on your own captioned photos, and measure it on photos held out.

    The towers of the base stay as they are; small heads learn from the captions in minutes on a
    CPU. The new bundle has a model card with what was measured. Use it with: --model FOLDER.
    """
    _check_output(output)
    if find_spec("onnx") is None:
        raise TrainingError("Training needs onnx. Install it: pip install 'sightseek[train]'")
    from indexer.encoders.registry import bundle_folder
    from indexer.training.collection import read_collection
    from indexer.training.report import train_json, train_lines, warning_lines
    from indexer.training.tables import read_sources
    from indexer.training.train import DESCRIPTION, Options
    from indexer.training.train import train as train_bundle

    folder = bundle_folder(base)
    collection = read_collection(paths, captions=captions, labels=labels, names=names)
    languages = frozenset(said.language for said in collection.said)
    with progress_bar(quiet=quiet) as on_progress:
        options = Options(
            name=name or (output.absolute().name if output else "untitled"),
            cache=cache or _default_cache(),
            sources=read_sources(sources),
            description=description or DESCRIPTION,
            recipe=_recipe(without, languages | {n for v in collection.names.values() for n in v}),
            seed=seed,
            keep_test_out=keep_test_out,
            on_progress=on_progress,
        )
        report = train_bundle(collection, folder, output, options)
    if as_json:
        click.echo(json.dumps(train_json(report), ensure_ascii=False))
    elif output is None or not quiet:
        echo_lines(train_lines(report))
    if not quiet:
        echo_lines(warning_lines(report), err=True)
    if output is not None and not quiet:
        note(f"Wrote {output}. Use it: sightseek index FOLDER --model {output}")


def _check_output(output: Path | None) -> None:
    """Refuse what cannot be written, before minutes of training."""
    if output is None:
        return
    if not output.absolute().parent.is_dir():
        raise PathNotFoundError(f"There is no folder {output.parent} to write to. Make it first.")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file. Name a folder for the new bundle.")
    if not os.access(output if output.is_dir() else output.absolute().parent, os.W_OK):
        raise UsageError(f"{output} cannot be written to. Name another folder.")
    if output.is_dir() and any(path.name not in BUNDLE_FILES for path in output.iterdir()):
        raise UsageError(f"{output} holds other files. Name a new folder, or one of a bundle.")


def _recipe(without: tuple[str, ...], languages: frozenset[str]) -> Recipe:
    from indexer.training.fit import Recipe

    unknown = [part for part in without if part not in PARTS and part not in languages]
    if unknown:
        known = ", ".join((*PARTS, *sorted(languages)))
        raise UsageError(f"--without knows {known}, and not {unknown[0]!r}.")
    left = languages - set(without)
    return Recipe(
        languages=left if left != languages else None,
        labels="labels" not in without,
        pseudo="pseudo" not in without,
        base="base" not in without,
    )


def _default_cache() -> Path:
    from indexer.places import cache_path

    return cache_path() / "training"
