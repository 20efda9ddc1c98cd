from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.decode.thumbnail import Thumbnail
from search.graphics import encode, protocol

KITTY = re.compile(rb"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\")
SIXEL = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)(.)|([$-])|([?-~])")


def picture(width: int = 60, height: int = 40, *, seed: int = 0, colours: int = 40) -> Thumbnail:
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (colours, 3), np.uint8)
    pixels = palette[rng.integers(0, colours, (height, width))]
    pixels[: height // 2] = palette[0]  # runs, too
    return Thumbnail(Image.fromarray(pixels))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230800"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "211203"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, "iterm2"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-256color", "WT_SESSION": "a-b"}, "sixel"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "TMUX": "/tmp/x"}, None),
        ({"TERM": "linux"}, None),
        ({}, None),
        ({"TERM": "xterm", "SIGHTSEEK_PREVIEW": "sixel"}, "sixel"),
        ({"TERM": "tmux-256color", "TMUX": "x", "SIGHTSEEK_PREVIEW": "sixel"}, "sixel"),
        ({"TERM": "xterm-kitty", "SIGHTSEEK_PREVIEW": "none"}, None),
    ],
)
def test_a_terminal_is_known_by_its_environment(
    environment: dict[str, str], expected: str | None
) -> None:
    assert protocol(environment) == expected


def test_kitty_gets_a_png_in_chunks_without_answering() -> None:
    shown = picture(200, 150, colours=250)
    written = encode(shown, "kitty", columns=20, rows=6)
    chunks = KITTY.findall(written)
    assert b"".join(b"\x1b_G" + k + b";" + d + b"\x1b\\" for k, d in chunks) == written
    keys = dict(pair.split(b"=") for pair in chunks[0][0].split(b","))
    assert keys == {
        b"a": b"T", b"f": b"100", b"q": b"2", b"C": b"1", b"r": b"6", b"m": b"1"
    }  # fmt: skip
    assert len(chunks) > 1
    assert {keys for keys, _ in chunks[1:-1]} <= {b"m=1"}
    assert chunks[-1][0] == b"m=0"
    assert max(len(data) for _, data in chunks) <= 4096
    image = Image.open(BytesIO(b64decode(b"".join(data for _, data in chunks))))
    assert image.format == "PNG"
    np.testing.assert_array_equal(np.asarray(image), np.asarray(shown.image))


@pytest.mark.parametrize(
    ("size", "bound"), [((400, 100), b"c=20"), ((100, 100), b"r=6"), ((10, 90), b"r=6")]
)
def test_kitty_keeps_a_picture_within_its_cells(size: tuple[int, int], bound: bytes) -> None:
    written = encode(picture(*size), "kitty", columns=20, rows=6)
    assert bound in written.partition(b";")[0].split(b",")


def test_iterm2_gets_a_jpeg_and_its_cells() -> None:
    written = encode(picture(), "iterm2", columns=20, rows=6)
    found = re.fullmatch(rb"\x1b\]1337;File=([^:]*):([A-Za-z0-9+/=]*)\x07", written)
    assert found
    keys = dict(pair.split(b"=") for pair in found[1].split(b";"))
    data = b64decode(found[2])
    assert keys == {
        b"inline": b"1", b"size": str(len(data)).encode(), b"width": b"20", b"height": b"6",
        b"preserveAspectRatio": b"1",
    }  # fmt: skip
    assert Image.open(BytesIO(data)).size == (60, 40)


def decoded(sixels: str) -> np.ndarray:
    """Draw sixels as a VT340 does."""
    found = re.fullmatch(r'\x1bP0;1q"1;1;(\d+);(\d+)(.*)\x1b\\', sixels, re.DOTALL)
    assert found
    width, height = int(found[1]), int(found[2])
    screen = np.full((height + 5, width, 3), -1)
    registers: dict[int, list[int]] = {}
    x, y, pen, at = 0, 0, 0, 0
    for part in SIXEL.finditer(found[3]):
        assert part.start() == at  # nothing between
        at = part.end()
        number, red, green, blue, choice, count, repeated, control, one = part.groups()
        if number:
            registers[int(number)] = [int(red), int(green), int(blue)]
        elif choice:
            pen = int(choice)
        elif control:
            x, y = 0, y + (6 if control == "-" else 0)
        else:
            end = x + int(count or 1)
            for bit in range(6):
                if (ord(repeated or one) - 63) >> bit & 1:
                    assert (screen[y + bit, x:end] == -1).all()  # each pixel once
                    screen[y + bit, x:end] = registers[pen]
            x = end
    assert at == len(found[3])
    assert (screen[height:] == -1).all()
    return screen[:height]


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 20),
    colours=st.sampled_from([1, 2, 7, 200]),
    seed=st.integers(0, 1000),
)
def test_sixels_are_the_pixels(width: int, height: int, colours: int, seed: int) -> None:
    shown = picture(width, height, seed=seed, colours=colours)
    indices, palette = shown.paletted()
    expected = (palette[indices].astype(int) * 100 + 127) // 255
    found = decoded(encode(shown, "sixel", columns=20, rows=6).decode())
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found - np.asarray(shown.image).astype(int) / 2.55).max() < 20
