"""Hits with their pictures beside them, for a terminal that draws. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

from search.thumbnails import Drawn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from search.thumbnails import Picture

COLUMNS, ROWS = 20, 6  # cells of a picture
_GAP = 2


def blocks(
    texts: Iterable[Sequence[str]], pictures: Iterable[Picture], *, width: int
) -> Iterator[str]:
    """Yield what draws each picture with its lines of text beside it, in `width` columns."""
    for lines, picture in zip(texts, pictures, strict=True):
        drawn = picture.data.decode("ascii") if isinstance(picture, Drawn) else ""
        reason = [] if isinstance(picture, Drawn) else [f"({picture.reason})"]
        yield _block([*lines, *reason], drawn, width=width)


def _block(lines: Sequence[str], drawn: str, *, width: int) -> str:
    column = COLUMNS + _GAP
    # make room below, so that nothing scrolls while the cursor is moved about
    room = "\n" * (ROWS + 1) + f"\033[{ROWS + 1}A"
    shown = "".join(
        f"\r\033[{column}C{_cut(line, width - column - 1)}\033[1B" for line in lines[:ROWS]
    )
    return f"{room}\0337{drawn}\0338{shown}\r\033[{ROWS + 1 - len(lines[:ROWS])}B"


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
