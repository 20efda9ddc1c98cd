"""Real processes that are killed or interrupted while they index."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer import Library, index_photos

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import ColourEncoder

    Paint = Callable[..., Path]
    VectorsOf = Callable[[Library], dict[str, list[float]]]

COUNT = 70

SCRIPT = """
import importlib.util, json, os, signal, sys
from sqlalchemy import Engine, event
from indexer import Library, index_photos

spec = importlib.util.spec_from_file_location("conftest", sys.argv[1])
conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)
photos, path, what, number = sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
left = number

def count_down(*args):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

class Encoder(conftest.ColourEncoder):
    def encode_images(self, images):
        vectors = super().encode_images(images)
        if what == "encoding":
            count_down()
        if what == "wait" and self.images_encoded > 32:
            print("waiting", flush=True)
            sys.stdin.read()
        return vectors

if what == "statement":
    event.listen(Engine, "before_cursor_execute", count_down)
if what == "rename":
    sys.addaudithook(
        lambda name, args: count_down()
        if name == "os.rename" and str(args[1]).endswith(".faiss")
        else None
    )
with Library.open(path, writable=True) as library:
    report = index_photos([photos], library, Encoder())
print(json.dumps([report.interrupted, report.added]))
"""


@pytest.fixture
def command(tmp_path: Path, photos: Path, paint: Paint) -> Callable[..., Sequence[str]]:
    for number in range(COUNT):
        paint(photos / f"{number:03d}.png", "red", shade=number + 1)
        if number % 10 == 0:
            (photos / f"{number:03d}.txt").write_text(f"caption {number}")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    conftest = Path(__file__).parent.parent / "conftest.py"

    def arguments(what: str, number: int = 0) -> Sequence[str]:
        paths = (script, conftest, photos, tmp_path / "library")
        return [sys.executable, *map(str, paths), what, str(number)]

    return arguments


def assert_is_sound(path: Path, vectors_of: VectorsOf) -> int:
    """Check every row of what a dead process left; return how many photos there are."""
    with Library.open(path) as reader:
        found = len(vectors_of(reader))
    with sqlite3.connect(path / "catalog.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return found


def assert_next_run_finishes(
    path: Path, photos: Path, encoder: ColourEncoder, vectors_of: VectorsOf, done: int
) -> None:
    with Library.open(path, writable=True) as library:  # its lock is free
        report = index_photos([photos], library, encoder)
        assert (report.added, report.unchanged, report.encoded) == (
            COUNT - done,
            done,
            COUNT - done,
        )
        assert len(vectors_of(library)) == COUNT
        assert len(library.vectors("captions")) == 7


def test_a_run_that_is_killed_again_and_again_gets_there(
    tmp_path: Path, photos: Path, command: Callable[..., Sequence[str]], encoder: ColourEncoder,
    vectors_of: VectorsOf,
) -> None:  # fmt: skip
    library = tmp_path / "library"
    done = 0
    # in a migration, in the first batch's rows, in the second's encoding, in the captions
    for what, number in (("statement", 9), ("statement", 100), ("encoding", 2), ("rename", 1)):
        killed = subprocess.run(command(what, number), check=False)
        assert killed.returncode == -signal.SIGKILL, (what, number)
        if (what, number) == ("statement", 9):
            continue  # there is no library yet
        now = assert_is_sound(library, vectors_of)
        assert now >= done
        done = now
    assert done == COUNT  # the last one died when all was committed, saving a snapshot
    assert_next_run_finishes(library, photos, encoder, vectors_of, done)
    assert not list(library.glob(".*"))  # nor is half a snapshot left


@pytest.mark.parametrize("number", [80, 300])
def test_a_run_killed_amid_a_transaction_leaves_whole_batches(
    tmp_path: Path, photos: Path, command: Callable[..., Sequence[str]], encoder: ColourEncoder,
    vectors_of: VectorsOf, number: int,
) -> None:  # fmt: skip
    killed = subprocess.run(command("statement", number), check=False)
    assert killed.returncode == -signal.SIGKILL
    done = assert_is_sound(tmp_path / "library", vectors_of)
    assert done == {80: 0, 300: 32}[number]
    assert_next_run_finishes(tmp_path / "library", photos, encoder, vectors_of, done)


def test_readers_search_while_a_run_goes_on_and_after_it_was_killed(
    tmp_path: Path, photos: Path, command: Callable[..., Sequence[str]], encoder: ColourEncoder,
    vectors_of: VectorsOf,
) -> None:  # fmt: skip
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command("wait"), **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        with Library.open(tmp_path / "library") as reader:
            assert len(vectors_of(reader)) == 32
        process.kill()
    assert assert_is_sound(tmp_path / "library", vectors_of) == 32
    assert_next_run_finishes(tmp_path / "library", photos, encoder, vectors_of, 32)


def test_ctrl_c_ends_a_run_cleanly(
    tmp_path: Path, photos: Path, command: Callable[..., Sequence[str]], encoder: ColourEncoder,
    vectors_of: VectorsOf,
) -> None:  # fmt: skip
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command("wait"), **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert json.loads(out) == [True, 32]
    assert (tmp_path / "library" / "photos.faiss").is_file()
    assert assert_is_sound(tmp_path / "library", vectors_of) == 32
    assert_next_run_finishes(tmp_path / "library", photos, encoder, vectors_of, 32)
