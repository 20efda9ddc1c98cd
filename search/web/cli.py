"""The command `serve`. Parses and renders."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING

import click

from indexer.encoders.cli import load
from indexer.errors import MissingExtraError
from indexer.terminal import common_options, max_pixels_option, note, printable, serve_many

if TYPE_CHECKING:
    from pathlib import Path

_NEEDED = ("fastapi", "jinja2", "python_multipart", "uvicorn")


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    help="Where to listen. Others than this machine can look where it is not a loopback address, "
    "and need a token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="The port; 0 for any that is free. Default: 8765, or the next that is free.",
)
@click.option("--open", "opened", is_flag=True, help="Show the page in the browser.")
@click.option(
    "--token",
    envvar="SIGHTSEEK_TOKEN",
    metavar="TOKEN",
    help="Let in only who knows this; default: SIGHTSEEK_TOKEN, or a new one where other "
    "machines reach the server.",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Another name that the server goes by, as behind a proxy. Repeatable.",
)
@max_pixels_option
@common_options
def serve(
    host: str,
    port: int | None,
    token: str | None,
    names: tuple[str, ...],
    max_pixels: int,
    library: Path | None,
    *,
    opened: bool,
    quiet: bool,
) -> None:
    """Show the library on a page in the browser, and to programs by an API.

    Only this machine reaches the page, unless --host says otherwise; nothing on it changes a
    photo or the library. Ctrl-C ends it. The API is at /api/v1 of the address that is printed, and
    described at /api/v1/openapi.json.

    \b
      sightseek serve --open
      sightseek serve --port 9000 --library ~/holidays
      sightseek serve --host 0.0.0.0        for other machines, by the address that is printed
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"serve needs {', '.join(missing)}. Install them with: pip install 'sightseek[web]'"
        )
    serve_many()
    from indexer.ahead import load_ahead
    from indexer.places import library_path
    from search.web.serving import find_place, run

    place = find_place(host, port, token=token, names=names)
    folder = library_path(library)
    # before what comes next, which takes as long to import as a model takes to load
    load_model = load_ahead(folder, partial(load, quiet=quiet, for_queries=True))
    from search.web.app import make_app

    stopping = Event()
    app = make_app(folder, load_model, door=place.door, max_pixels=max_pixels, stopping=stopping)

    def tell() -> None:
        click.echo(place.url)
        if not quiet and place.is_open_to_others:
            note("Whoever has this address can look at your photos. The network sees them, too.")
        if not quiet:
            note(f"The library is {printable(str(folder))}. Ctrl-C ends the server.")
        if opened:
            Thread(target=_open, args=(place.url,), daemon=True).start()

    run(app, place, stopping=stopping, on_start=tell)


def _open(url: str) -> None:
    from search.browser import show_address

    if not show_address(url):
        note("There is no browser here to open it with.")
