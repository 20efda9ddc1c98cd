"""The command `mcp`: a library's answers to AI assistants. Parses; the server speaks."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import click

from indexer.errors import SightseekError
from indexer.terminal import INTERRUPTED, common_options, max_pixels_option, note

if TYPE_CHECKING:
    from pathlib import Path

_EXTRA = {"anyio", "mcp", "mcp_types", "pydantic"}


@click.command()
@max_pixels_option
@common_options
def mcp(library: Path | None, max_pixels: int, *, quiet: bool) -> None:
    """Answer AI assistants about the library, by the Model Context Protocol on stdin and stdout.

    An assistant's program starts this command by itself, once it knows it; most read JSON like

    \b
      {"mcpServers": {"sightseek": {"command": "sightseek", "args": ["mcp"]}}}

    Its tools find photos for a text and for a photo of the library, captions for a photo, and tell
    what the library holds. They read and change nothing, and nothing is fetched.
    """
    try:
        from search.mcp.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _EXTRA:
            raise
        raise SightseekError(
            "mcp needs the Model Context Protocol's SDK. "
            "Install it with: pip install 'sightseek[mcp]'"
        ) from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    serve(library, max_pixels=max_pixels, quiet=quiet)


def _end(_number: int, _frame: object) -> None:
    # a thread waits for input that may never come, and nothing is left to be saved
    note("Interrupted.")
    os._exit(INTERRUPTED)
