from __future__ import annotations

import os
import re
import subprocess
import sys
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.library import Library
from indexer.pipeline import index_photos
from search.cli import main
from search.previews import COLUMNS, ROWS, Line, blocks
from search.thumbnails import Drawn, Undrawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ColourEncoder

PICTURE = "<"
PARTS = re.compile(
    r"\x1b\[(?P<count>\d+)(?P<move>[ABC])|\x1b(?P<keep>[78])|\x1b\]8;;(?P<link>[^\x1b]*)\x1b\\"
    r"|(?P<char>[^\x1b])",
    re.DOTALL,
)


class Screen:
    """As much of a terminal as blocks need: cells, a cursor, and lines that scroll."""

    def __init__(self, width: int, height: int = 24) -> None:
        self.width, self.height = width, height
        self.cells: dict[tuple[int, int], str] = {}
        self.row = self.column = self.scrolled = 0
        self.kept = (0, 0)
        self.links: set[str] = set()
        self.pictures: list[int] = []  # the rows of their upper edges

    def feed(self, text: str) -> None:
        at = 0
        for part in PARTS.finditer(text):
            assert part.start() == at
            at = part.end()
            self._act(part)
        assert at == len(text)

    def _act(self, part: re.Match[str]) -> None:
        moves = {
            "A": lambda count: (max(self.scrolled, self.row - count), self.column),
            "B": lambda count: (
                min(self.scrolled + self.height - 1, self.row + count),
                self.column,
            ),
            "C": lambda count: (self.row, min(self.width - 1, self.column + count)),
        }
        if part["move"]:
            self.row, self.column = moves[part["move"]](int(part["count"]))
        elif part["keep"] == "7":
            self.kept = self.row, self.column
        elif part["keep"]:
            self.row, self.column = self.kept
        elif part["link"]:
            self.links.add(part["link"])
        elif part["char"]:
            self._write(part["char"])

    def _write(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row, self.column = self.row + 1, 0
            self.scrolled = max(self.scrolled, self.row - self.height + 1)
        elif char == PICTURE:
            self.pictures.append(self.row)
            self.row += 3  # wherever a terminal leaves the cursor
        else:
            wide = 2 if east_asian_width(char) in {"W", "F"} else 1
            assert self.column + wide <= self.width, "a line is wrapped"
            assert (self.row, self.column) not in self.cells, "text over text"
            self.cells[self.row, self.column] = char
            self.column += wide

    def line(self, row: int) -> str:
        return "".join(char for (at, _), char in sorted(self.cells.items()) if at == row)


def test_pictures_stand_left_of_their_lines_even_where_the_screen_scrolls() -> None:
    screen = Screen(60)
    texts = [
        [Line(f"place {n}"), Line("caption"), Line("/a/b.jpg", "file:///a/b.jpg")] for n in range(9)
    ]
    for block in blocks(texts, [Drawn(PICTURE.encode(), 1, 1)] * 9, width=60):
        screen.feed(block + "\n")
    assert len(screen.pictures) == 9
    for number, row in enumerate(screen.pictures):
        assert screen.line(row) == f"place {number}"
        assert screen.line(row + 2) == "/a/b.jpg"
        assert row == number * (ROWS + 1)
    assert min(column for _, column in screen.cells) > COLUMNS
    assert screen.links == {"file:///a/b.jpg"}


@settings(derandomize=True, deadline=None, max_examples=100)
@given(text=st.text("ab/ \u732b\u00e9.", max_size=80), width=st.integers(40, 90))
def test_a_line_keeps_its_ends_and_to_its_width(text: str, width: int) -> None:
    screen = Screen(width)
    screen.feed(next(iter(blocks([[Line(text)]], [Drawn(b"", 1, 1)], width=width))))
    shown = screen.line(0)
    if "\u2026" not in shown:
        assert shown == text
        return
    head, _, tail = shown.partition("\u2026")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert max(column for _, column in screen.cells) >= width - 3


def test_a_photo_that_cannot_be_read_says_so_beside_its_path() -> None:
    screen = Screen(80)
    screen.feed(next(iter(blocks([[Line("1"), Line("p")]], [Undrawn("gone")], width=80))))
    assert [screen.line(row) for row in range(3)] == ["1", "p", "(gone)"]


@pytest.fixture
def indexed(
    tmp_path: Path, photos: Path, encoder: ColourEncoder, paint: Callable[..., Path]
) -> list[str]:
    """Make a library with two photos, one of which is gone by now; return a command for it."""
    paint(photos / "red.png", "red")
    paint(photos / "orange.png", "orange")
    with Library.open(tmp_path / "library", writable=True) as library:
        index_photos([photos], library, encoder)
    (photos / "orange.png").unlink()
    # a model that needs no loading, in place of the one that the library names
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
        "from conftest import ColourEncoder\nimport search.cli as cli\n"
        "cli.load = lambda name, **options: ColourEncoder()\ncli.main()"
    )
    words = ["search", "red", "--all", "--library", str(tmp_path / "library")]
    return [sys.executable, "-c", code, *words]


def under_a_terminal(command: list[str], **environment: str) -> str:
    """Run a command whose output is a terminal of 24 lines and 100 columns."""
    import fcntl
    import pty
    import struct
    import termios

    own, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 1000, 480))
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KITTY", "TERM", "LC_TERMINAL", "WEZTERM", "TMUX", "KONSOLE"))
    }
    done = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=its, stderr=its, env=plain | environment
    )
    os.close(its)
    written = b""
    try:
        while read := os.read(own, 65536):
            written += read
    except OSError:  # so a terminal ends on Linux
        pass
    os.close(own)
    assert done.wait(60) == 0, written
    return written.decode()


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_that_can_shows_photos_beside_hits(indexed: list[str], photos: Path) -> None:
    shown = under_a_terminal([*indexed, "--preview"], TERM="xterm-kitty")
    ((keys, data),) = re.findall(r"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\", shown)
    assert "f=100" in keys
    assert Image.open(BytesIO(b64decode(data))).size == (24, 16)
    assert (photos / "red.png").as_uri() in shown
    assert "no such file" in shown
    shown = under_a_terminal([*indexed, "--preview"], TERM="xterm-256color")
    assert "--preview needs a terminal that shows pictures" in shown
    assert not re.search(r"\x1b[^\]\\]", shown)  # links alone
    assert str(photos / "red.png") in shown


def test_no_escape_code_reaches_a_pipe(indexed: list[str], photos: Path) -> None:
    done = subprocess.run(
        [*indexed, "--preview", "--sheet", str(photos / "sheet.html")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"},
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert "--preview needs a terminal" in done.stderr
    assert f"Contact sheet: {photos / 'sheet.html'}" in done.stderr
    page = (photos / "sheet.html").read_text("utf-8")
    assert "data:image/jpeg;base64," in page
    assert "no such file" in page


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["--preview", "--json"], "Choose one"),
        (["--preview", "-0"], "Choose one"),
        (["--sheet", "photo.jpg"], "FILE.html"),
    ],
)
def test_what_would_spoil_output_or_a_photo_is_wrong_usage(words: list[str], remedy: str) -> None:
    done = CliRunner().invoke(main, ["search", "red", "--all", *words])
    assert done.exit_code == 2
    assert remedy in done.stderr
