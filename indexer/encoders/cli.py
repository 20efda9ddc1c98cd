"""The commands about models: models, models export; and how every command loads one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.errors import UsageError
from indexer.terminal import common_options, echo_lines, json_option, note, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.encoders import Encoder
    from indexer.encoders.default import Choice
    from indexer.encoders.devices import Wanted

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where the model runs; builtin and other bundles run on the CPU.",
)


@click.group(invoke_without_command=True)
@json_option
@common_options
@click.pass_context
def models(context: click.Context, library: Path | None, *, as_json: bool, quiet: bool) -> None:
    """List the models that have a name, and what of them is on this machine.

    Any other model of open_clip can be named as ARCH/PRETRAINED, weights of your own as ARCH/FILE.
    """
    if context.invoked_subcommand is not None:
        return
    from indexer.encoders.shelf import known_models
    from indexer.rendering import model_json, model_lines

    known = known_models()
    if as_json:
        click.echo(json.dumps([model_json(model) for model in known]))
    else:
        echo_lines(line for model in known for line in model_lines(model))


@models.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder to copy the bundle to, which is a model's name itself.",
)
@json_option
@common_options
def export(
    name: str, output: Path | None, library: Path | None, *, as_json: bool, quiet: bool
) -> None:
    """Make the bundle of an open_clip model: ONNX towers for a CPU, in int8 where that agrees.

    Indexing and searching on a CPU make it by themselves when they first need it.
    """
    import shutil

    from indexer.encoders import zoo
    from indexer.encoders.manifest import Manifest
    from indexer.encoders.names import Builtin, Bundle, parse_name
    from indexer.rendering import bundle_json, bundle_lines

    parsed = parse_name(name)
    if isinstance(parsed, Builtin | Bundle):
        raise UsageError(f"{name} is a bundle already. Name a model of open_clip, such as clip.")
    if output is not None and output.exists():
        raise UsageError(f"{output} is there already. Name a folder that is not.")
    with progress_bar(quiet=quiet) as on_progress:
        loading = zoo.Loading(on_progress=on_progress, on_note=None if quiet else note)
        folder = zoo.export(parsed, loading)
    if output is not None:
        folder = Path(shutil.copytree(folder, output))
    manifest = Manifest.read(folder)
    if as_json:
        click.echo(json.dumps(bundle_json(folder, manifest)))
    else:
        echo_lines(bundle_lines(folder, manifest))


def load(
    name: str, *, quiet: bool, device: Wanted = "auto", for_queries: bool = False,
    compiled: bool = False,
) -> Encoder:  # fmt: skip
    """Load a model by name, and show how far it is with what takes its time."""
    from indexer.encoders.registry import load_encoder

    with progress_bar(quiet=quiet) as on_progress:
        return load_encoder(
            name,
            device=device,
            for_queries=for_queries,
            compiled=compiled,
            on_progress=on_progress,
            on_note=None if quiet else note,
        )


def load_default(load_here: Callable[[str], Encoder], *, quiet: bool) -> Encoder:
    """Choose and load the model of a new library, and say why it and how to have another."""
    from indexer.encoders.default import choose_default, without_network
    from indexer.errors import HubError

    choice = choose_default()
    _tell(choice, quiet=quiet)
    try:
        return load_here(choice.name)
    except HubError as error:
        if not choice.may_change:
            raise
        choice = without_network(error)
    _tell(choice, quiet=quiet)
    return load_here(choice.name)


def _tell(choice: Choice, *, quiet: bool) -> None:
    if not quiet:
        note(f"The model of this library is {choice.reason}")
