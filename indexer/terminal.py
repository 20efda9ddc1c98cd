"""How commands speak: errors, common options, notes, progress. Knows no command."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from indexer.errors import SightseekError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TextIO

    from indexer.pipeline import OnProgress
    from indexer.records import Progress

F = TypeVar("F", bound="Callable[..., Any]")

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"
_COUNTS: dict[str, dict[str, Any]] = {  # what is not counted in its own name
    "download": {"unit": "B", "unit_scale": True},
    "export": {"unit": "step"},
}

INTERRUPTED = 130  # as shells report a program that Ctrl-C ended
BROKEN_PIPE = 141  # and one whose reader went away


class Main(click.Group):
    """A group whose commands end with one clear line and an exit code, never a traceback.

    `homes` names the modules of commands that are imported when they are asked for.
    """

    def __init__(self, *args: Any, homes: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._homes = dict(homes or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands, without importing any."""
        return sorted({*super().list_commands(ctx), *self._homes})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command, imported if it has a home of its own."""
        if cmd_name in self._homes:
            command: click.Command = getattr(import_module(self._homes[cmd_name]), cmd_name)
            return command
        return super().get_command(ctx, cmd_name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a process of its own."""
        try:
            return super().__call__(*args, **kwargs)
        finally:
            if "torch" in sys.modules:  # whose bindings complain of what is not collected
                gc.unfreeze()
            else:
                gc.freeze()  # Python would look for cycles in what ends: a fifth of a search

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that the user can act on become messages."""
        signal.signal(signal.SIGTERM, _interrupt)
        warnings.filterwarnings("ignore", module=r"PIL\.")  # what matters is said of each photo
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(str(error)) from error
        except SightseekError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            # whoever read has seen enough; what is still buffered must not fail at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(BROKEN_PIPE) from None
        except OSError as error:
            if error.strerror is None:
                raise
            place = f": {error.filename}" if error.filename else ""
            raise click.ClickException(f"{error.strerror}{place}.") from error
        except KeyboardInterrupt:
            note("Interrupted.")
            raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def starting() -> Iterator[None]:
    """Do what a process starts for, answers and ends: without what pays off only later."""
    # NumPy's and FAISS's BLAS start threads that spin while the rest is imported
    threads = os.environ.get(_BLAS_THREADS)
    os.environ.setdefault(_BLAS_THREADS, "1")
    collects = gc.isenabled()
    gc.disable()  # what is imported stays
    try:
        yield
    finally:
        if collects:
            gc.freeze()
            gc.enable()
        if threads is None:
            del os.environ[_BLAS_THREADS]


def serve_many() -> None:
    """Prepare a process that answers several at once, before it imports what computes."""
    # a search in all threads of BLAS costs twice the time of the cores, which others wait for
    os.environ.setdefault(_BLAS_THREADS, "1")


def common_options(command: F) -> F:
    """Give a command --library and --quiet, as every command has."""
    library = click.option(
        "--library",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="The library's folder; default: SIGHTSEEK_LIBRARY, or the platform's data folder.",
    )
    quiet = click.option(
        "-q",
        "--quiet",
        is_flag=True,
        help="No progress, notes or summary: only results.",
    )
    return library(quiet(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=250_000_000,
    show_default=True,
    metavar="N",
    help="Refuse photos with more pixels than this.",
)


def note(text: str) -> None:
    """Print a note where it does not mix with results."""
    click.echo(text, err=True)


def echo_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines that may hold names of files."""
    for line in lines:
        click.echo(printable(line), err=err)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream shows escape codes as intended; a closed one is None."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """Show a name on a terminal: control characters of a file's name must not act on it."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[OnProgress | None]:
    """Show progress with rate and remaining time on a terminal, and nothing elsewhere."""
    if quiet or not is_terminal(sys.stderr):
        yield None
        return
    from tqdm import tqdm

    bar: Any = None

    def show(progress: Progress) -> None:
        nonlocal bar
        if bar is None or bar.desc.rstrip(": ") != progress.stage:
            if bar is not None:
                bar.close()
            counts = _COUNTS.get(progress.stage, {"unit": progress.stage.removesuffix("s")})
            bar = tqdm(total=progress.total, desc=progress.stage, smoothing=0.05, **counts)
        bar.update(progress.done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


def _interrupt(_number: int, _frame: object) -> None:
    # a stopped service or a closed terminal ends as cleanly as Ctrl-C
    raise KeyboardInterrupt
