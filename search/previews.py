"""Hits with their pictures beside them, for a terminal that draws. Prints nothing."""

from __future__ import annotations

import os
import struct
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import combining, east_asian_width

from indexer.terminal import printable
from search.graphics import encode
from search.rendering import figures, like_text
from search.thumbnails import Drawn, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from search.graphics import Protocol
    from search.results import Hit, Results
    from search.thumbnails import Picture

COLUMNS, ROWS = 20, 6  # cells of a picture
_GAP = 2
_CELL = (10, 20)  # pixels, where a terminal does not say: those of a VT340


def previews(
    results: Results, using: Protocol, terminal: TextIO, *, max_pixels: int
) -> Iterator[str]:
    """Yield what draws each hit's photo in a terminal, with what is said of it beside it."""
    width, (cell_width, cell_height) = _measures(terminal)
    pictures = draw(
        (hit.photo.path for hit in results.hits),
        (COLUMNS * cell_width, ROWS * cell_height),
        partial(encode, using=using, columns=COLUMNS, rows=ROWS),
        max_pixels=max_pixels,
    )
    texts = (_lines(hit) for hit in results.hits)
    yield from blocks(texts, pictures, width=width)


def _lines(hit: Hit) -> Iterator[Line]:
    yield Line(f"{hit.rank}  {figures(hit)}  id {hit.photo.id}{like_text(hit)}")
    if hit.told:
        yield Line(printable(hit.told))
    yield Line(printable(str(hit.photo.path)), hit.photo.path.as_uri())


def _measures(terminal: TextIO) -> tuple[int, tuple[int, int]]:
    """Return a terminal's columns and the pixels of a cell, without asking it to answer."""
    try:
        import fcntl
        import termios

        said = fcntl.ioctl(terminal.fileno(), termios.TIOCGWINSZ, bytes(8))
        rows, columns, width, height = struct.unpack("HHHH", said)
    except (ImportError, OSError):  # Windows, or no terminal
        return os.get_terminal_size(terminal.fileno()).columns, _CELL
    if not (rows and columns and width and height):
        return columns or 80, _CELL
    return columns, (width // columns or _CELL[0], height // rows or _CELL[1])


class Line(NamedTuple):
    """A line of text beside a picture; `link` is what a click on it opens."""

    text: str
    link: str | None = None


def blocks(
    texts: Iterable[Iterable[Line]], pictures: Iterable[Picture], *, width: int
) -> Iterator[str]:
    """Yield what draws each picture with its lines of text beside it, in `width` columns."""
    for lines, picture in zip(texts, pictures, strict=True):
        drawn = picture.data.decode("ascii") if isinstance(picture, Drawn) else ""
        reason = [] if isinstance(picture, Drawn) else [Line(f"({picture.reason})")]
        yield _block([*lines, *reason][:ROWS], drawn, width=width)


def _block(lines: Sequence[Line], drawn: str, *, width: int) -> str:
    column = COLUMNS + _GAP
    # make room below, so that nothing scrolls while the cursor is moved about
    room = "\n" * (ROWS + 1) + f"\033[{ROWS + 1}A"
    shown = "".join(f"\r\033[{column}C{_fit(line, width - column)}\033[1B" for line in lines)
    # the last row of all stays empty, and ends with the line
    return f"{room}\0337{drawn}\0338{shown}\r" + "\n" * (ROWS - len(lines))


def _fit(line: Line, width: int) -> str:
    text = _cut(line.text, width)
    return f"\033]8;;{line.link}\033\\{text}\033]8;;\033\\" if line.link else text  # OSC 8


def _cut(text: str, width: int) -> str:
    """Cut from the middle what is wider than `width` columns: a path's ends say most."""
    if sum(map(_columns, text)) <= width:
        return text
    head, tail = "", ""
    left = max(0, width - 1)
    while text:
        end = len(head) <= len(tail)
        char = text[0] if end else text[-1]
        left -= _columns(char)
        if left < 0:
            break
        head, tail = (head + char, tail) if end else (head, char + tail)
        text = text[1:] if end else text[:-1]
    return f"{head}\u2026{tail}"


def _columns(char: str) -> int:
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1
