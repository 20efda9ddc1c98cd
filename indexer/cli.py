"""The commands that write: index, status, doctor, forget, embed. Parses and renders."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.encoders.cli import device_option, load, load_default
from indexer.errors import LibraryError, PathNotFoundError, SightseekError, UsageError
from indexer.rendering import (
    freed_json,
    freed_line,
    report_json,
    report_lines,
    status_json,
    status_lines,
    unfinished_lines,
    unswitched_line,
    warning_lines,
)
from indexer.terminal import (
    INTERRUPTED,
    common_options,
    echo_lines,
    json_option,
    max_pixels_option,
    note,
    progress_bar,
)

if TYPE_CHECKING:
    from indexer.encoders.devices import Wanted

ANY_PATH = click.Path(readable=False, path_type=Path)  # the library says what is wrong with it


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    type=ANY_PATH,
    metavar="[PATH...]",
)
@click.option(
    "--captions",
    multiple=True,
    type=ANY_PATH,
    metavar="FILE",
    help="Captions: CSV 'image,caption', JSONL, COCO JSON or a Flickr token file. Repeatable.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave out what matches, as in .gitignore; what was indexed before goes. Repeatable.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="A name that 'models' lists, ARCH/PRETRAINED of open_clip, ARCH/FILE, or a bundle's "
    "folder, to change to it; default: the library's own, for a new one clip where it can be had.",
)
@device_option
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Let torch.compile make the model faster first, which takes minutes; for a GPU.",
)
@max_pixels_option
@json_option
@common_options
def index(
    paths: tuple[Path, ...],
    captions: tuple[Path, ...],
    exclude: tuple[str, ...],
    model: str | None,
    device: Wanted,
    max_pixels: int,
    library: Path | None,
    *,
    compiled: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Index photos in folders and files; run it again to bring the library up to date.

    Photos that have not changed are not opened again, a renamed photo keeps its place, and
    photos whose files are gone leave the library. Captions are read from --captions files,
    from 'photo.txt' or 'photo.jpg.txt' beside a photo, and from the photo's own metadata.

    With a --model other than the library's own, all that the library holds is embedded anew, with
    PATH or without. Searches use the old model until that is done; then the new one takes over.
    """
    from indexer.discover import discover
    from indexer.encoders import speeds
    from indexer.files import absolute
    from indexer.library import Library
    from indexer.pipeline import index_photos
    from indexer.status import read_unfinished

    if not paths and model is None:
        raise UsageError(
            "There is nothing to index. Give a PATH, or a --model to change the library to."
        )
    # neither a mistyped path nor a wrong model makes a library
    discover([absolute(path) for path in paths], exclude=exclude)
    load_here = partial(load, quiet=quiet, device=device, compiled=compiled)
    chosen = load_here(model) if model else None
    with Library.open(library, writable=True, make=bool(paths)) as opened:
        own = opened.space.model if opened.space else None
        encoder = chosen or (load_here(own) if own else load_default(load_here, quiet=quiet))
        with progress_bar(quiet=quiet) as on_progress:
            report = index_photos(
                paths,
                opened,
                encoder,
                captions=captions,
                exclude=exclude,
                max_pixels=max_pixels,
                switch=model is not None,
                on_progress=on_progress,
            )
        unfinished = () if model else read_unfinished(opened)
    speeds.remember(
        encoder.space,
        encoder.device,
        photos=report.encoded,
        images_per_second=report.images_per_second,
    )
    if as_json:
        click.echo(json.dumps(report_json(report)))
    elif not quiet:
        echo_lines(report_lines(report))
    if not quiet:
        echo_lines(warning_lines(report), err=True)
        echo_lines(unfinished_lines(opened.path, unfinished), err=True)
    if report.interrupted:
        note("Interrupted: what is done is kept. Run the same command to go on.")
        raise click.exceptions.Exit(INTERRUPTED)
    if report.switch is not None and not report.switch.done:
        raise LibraryError(unswitched_line(report.switch))


@click.command()
@json_option
@common_options
def status(library: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Show what the library holds, and which files could not be read."""
    from indexer.library import Library
    from indexer.status import read_status

    with Library.open(library) as opened:
        found = read_status(opened)
    if as_json:
        click.echo(json.dumps(status_json(found)))
    else:
        echo_lines(status_lines(found))


@click.command()
@json_option
@common_options
def doctor(library: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Check the installation, the built-in model and the library; exit 1 if one is not sound."""
    from indexer.doctor import examine
    from indexer.places import default_path

    checks = list(examine(library or default_path()))
    if as_json:
        rows = [{"subject": c.subject, "ok": c.ok, "finding": c.finding} for c in checks]
        click.echo(json.dumps(rows))
    else:
        echo_lines(f"{'ok' if c.ok else 'PROBLEM':8}{c.subject}: {c.finding}" for c in checks)
    if not all(check.ok for check in checks):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    type=ANY_PATH,
    metavar="[PATH...]",
)
@click.option(
    "--space",
    metavar="NAME",
    help="Drop the vectors of a model that searches do not use, by its name as 'status' prints it.",
)
@json_option
@common_options
def forget(
    paths: tuple[Path, ...],
    space: str | None,
    library: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Drop photos at or beneath PATH from the library, or the captions of a captions file.

    Only the library forgets: no photo and no captions file is touched.
    """
    from indexer.library import Library

    if not paths and space is None:
        raise UsageError("There is nothing to forget. Give a PATH, or a --space.")
    with Library.open(library, writable=True, make=False) as opened:
        if space is not None:
            opened.spare_space(space)  # nothing is forgotten where a part cannot be
        photos, captions = opened.forget(paths)
        freed = opened.forget_space(space) if space is not None else None
        opened.save_snapshots()
    if as_json:
        gone = {"photos": photos, "captions": captions}
        click.echo(json.dumps(gone | {"space": freed_json(freed) if freed else None}))
        return
    if quiet:
        return
    if paths:
        click.echo(f"Forgot {photos:,} photos and {captions:,} captions; your files are untouched.")
    if freed is not None:
        click.echo(freed_line(freed))


@click.command()
@click.option("--text", "texts", multiple=True, metavar="T", help="A text. Repeatable.")
@click.option(
    "--image",
    "images",
    multiple=True,
    type=ANY_PATH,
    metavar="P",
    help="A photo. Repeatable.",
)
@click.option(
    "--texts-file",
    type=click.Path(readable=False, path_type=Path, dir_okay=False),
    metavar="F",
    help="Texts, one a line.",
)
@click.option(
    "--images-file",
    type=click.Path(readable=False, path_type=Path, dir_okay=False),
    metavar="F",
    help="Photos' paths, one a line.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(readable=False, path_type=Path, dir_okay=False),
    metavar="OUT.npz",
    help="The file to write: image_embeddings, text_embeddings, space.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="A name that 'models' lists, ARCH/PRETRAINED, ARCH/FILE or a bundle; default: builtin.",
)
@device_option
@max_pixels_option
@common_options
def embed(
    texts: tuple[str, ...],
    images: tuple[Path, ...],
    texts_file: Path | None,
    images_file: Path | None,
    output: Path,
    model: str | None,
    device: Wanted,
    max_pixels: int,
    library: Path | None,
    *,
    quiet: bool,
) -> None:
    """Write the embeddings of texts and photos to a NumPy file.

    Rows are in the order given: those of --text (or --image), then the file's lines.
    Needs no library; with --library and without --model, the library's model is used.
    """
    from indexer.embed import embed as embed_all

    all_texts = [*texts, *_lines(texts_file)]
    all_images = [*images, *map(Path, _lines(images_file))]
    if not all_texts and not all_images:
        raise UsageError("There is nothing to embed. Give --text, --image or a file of either.")
    target = output if output.suffix == ".npz" else output.with_name(output.name + ".npz")
    if not target.absolute().parent.is_dir():
        raise PathNotFoundError(f"There is no folder {target.parent} to write to. Make it first.")
    encoder = load(model or _library_model(library), quiet=quiet, device=device)
    embeddings = embed_all(encoder, texts=all_texts, images=all_images, max_pixels=max_pixels)
    embeddings.save(target)
    if not quiet:
        note(f"{target}: {len(all_images):,} images, {len(all_texts):,} texts, {encoder.space}")


def _library_model(library: Path | None) -> str:
    from indexer.library import Library

    if library is None:
        return "builtin"
    with Library.open(library) as opened:
        return opened.space.model if opened.space else "builtin"


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_bytes().decode("utf-8-sig").removesuffix("\n").split("\n")
    except FileNotFoundError as error:
        raise PathNotFoundError(f"There is no file at {path}. Check its path.") from error
    except UnicodeDecodeError as error:
        raise SightseekError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    lines = [line.removesuffix("\r") for line in lines]
    if lines == [""]:
        return []
    if "" in lines:  # left out, it would shift every row after it
        raise SightseekError(f"{path} is blank in line {lines.index('') + 1}. Fill or remove it.")
    return lines
