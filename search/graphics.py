"""Pictures in terminals: which protocol one speaks, and a picture written in it. Prints nothing.

kitty's graphics protocol (https://sw.kovidgoyal.net/kitty/graphics-protocol/), iTerm2's inline
images (https://iterm2.com/documentation-images.html), and sixel (DEC, VT330/VT340 Graphics
Programming, chapter 14). The encoders are ours: of the libraries kept up in 2026, none writes
sixel without asking the terminal questions first, which may swallow what is being typed.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from indexer.decode.thumbnail import Indices, Palette, Thumbnail

Protocol: TypeAlias = Literal["kitty", "iterm2", "sixel"]

NAME = "SIGHTSEEK_PREVIEW"  # names the protocol where nothing else gives a terminal away

_PROGRAMS: dict[str, Protocol] = {  # by TERM_PROGRAM
    "ghostty": "kitty",
    "iTerm.app": "iterm2",
    "WezTerm": "iterm2",
    "mintty": "iterm2",
    "rio": "iterm2",
    "vscode": "iterm2",
    "WarpTerminal": "iterm2",
}
_TERMS: dict[str, Protocol] = {  # by how TERM begins
    "xterm-kitty": "kitty",
    "xterm-ghostty": "kitty",
    "foot": "sixel",
    "contour": "sixel",
    "mlterm": "sixel",
    "yaft": "sixel",
    "xterm-sixel": "sixel",
    "vt340": "sixel",
}
_KONSOLE = 220400  # the first that draws
_CHUNK = 4096  # bytes of base64 that kitty takes at once


def protocol(environment: Mapping[str, str]) -> Protocol | None:
    """Tell how to draw in the terminal that an environment is of, by what it says of itself.

    Nothing is asked of the terminal: an answer may never come, or mix with what is typed.
    """
    named = environment.get(NAME)
    if named:
        return cast("Protocol", named) if named in get_args(Protocol) else None
    term = environment.get("TERM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux", "dumb")):
        return None  # a multiplexer keeps pictures to itself
    return (
        _PROGRAMS.get(environment.get("TERM_PROGRAM", ""))
        or next((each for begin, each in _TERMS.items() if term.startswith(begin)), None)
        or _by_variables(environment)
    )


def _by_variables(environment: Mapping[str, str]) -> Protocol | None:
    if "KITTY_WINDOW_ID" in environment or "GHOSTTY_RESOURCES_DIR" in environment:
        return "kitty"
    if environment.get("LC_TERMINAL") == "iTerm2" or "WEZTERM_PANE" in environment:
        return "iterm2"
    konsole = environment.get("KONSOLE_VERSION", "")
    if konsole.isdecimal() and int(konsole) >= _KONSOLE:
        return "kitty"
    return "sixel" if "WT_SESSION" in environment else None  # Windows Terminal


def encode(picture: Thumbnail, using: Protocol, *, columns: int, rows: int) -> bytes:
    """Write a picture as what makes a terminal draw it within `columns` x `rows` cells."""
    if using == "kitty":
        return _kitty(picture.png(), picture.size, columns=columns, rows=rows)
    if using == "iterm2":
        return _iterm2(picture.jpeg(), columns=columns, rows=rows)
    return _sixel(*picture.paletted())


def _kitty(png: bytes, size: tuple[int, int], *, columns: int, rows: int) -> bytes:
    width, height = size
    # one bound alone, and the terminal keeps the proportions; cells are twice as high as wide
    bound = f"c={columns}" if width * rows * 2 > height * columns else f"r={rows}"
    data = b64encode(png)
    chunks = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
    keys = f"a=T,f=100,q=2,C=1,{bound},"  # show at once, PNG, no answers, the cursor stays
    return b"".join(
        f"\033_G{keys if not at else ''}m={int(at < len(chunks) - 1)};".encode() + chunk + b"\033\\"
        for at, chunk in enumerate(chunks)
    )


def _iterm2(jpeg: bytes, *, columns: int, rows: int) -> bytes:
    keys = f"inline=1;size={len(jpeg)};width={columns};height={rows};preserveAspectRatio=1"
    return f"\033]1337;File={keys}:".encode() + b64encode(jpeg) + b"\a"


def _sixel(pixels: Indices, palette: Palette) -> bytes:
    height, width = pixels.shape
    shares = (palette.astype(int) * 100 + 127) // 255  # per cent
    colours = "".join(f"#{at};2;{r};{g};{b}" for at, (r, g, b) in enumerate(shares.tolist()))
    bands = "-".join("$".join(_band(pixels[top : top + 6])) for top in range(0, height, 6))
    return f'\033P0;1q"1;1;{width};{height}{colours}{bands}\033\\'.encode()


def _band(pixels: Indices) -> Iterator[str]:
    """Yield the columns of up to six rows of pixels for each colour that they have."""
    import numpy as np

    bits = 1 << np.arange(len(pixels))
    for colour in np.unique(pixels):
        sixels = bits @ (pixels == colour) + 63
        starts = np.flatnonzero(np.diff(sixels, prepend=-1))
        lengths = np.diff(starts, append=len(sixels))
        yield f"#{colour}" + "".join(
            f"!{length}{chr(value)}" if length > 3 else chr(value) * length
            for value, length in zip(sixels[starts].tolist(), lengths.tolist(), strict=True)
        )
