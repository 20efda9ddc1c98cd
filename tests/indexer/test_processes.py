"""Workers load as threads do, and no end of theirs is a riddle, a hang or a left-over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from indexer.discover import discover
from indexer.encoders.openclip import Squares
from indexer.encoders.preprocess import Preprocessing
from indexer.errors import WorkerError
from indexer.loading import Failed, Loaded, Loader, NoPhoto, hash_content
from indexer.processes import CHUNK, _received, load_in_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from indexer.loading import Outcome
    from indexer.records import PhotoFile

    Paint = Callable[..., Path]

COUNT = 45
LIMIT = 60  # seconds that no test comes near
linux = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks into /proc")

SQUARES = Squares(Preprocessing(size=16, mean=(0.5,) * 3, std=(0.5,) * 3))
LOADER = Loader(SQUARES, 10_000_000)


@pytest.fixture
def files(photos: Path, paint: Paint) -> Sequence[PhotoFile]:
    for number in range(COUNT):
        paint(photos / f"{number:03d}.png", "red", shade=number + 1)
    paint(photos / "010-again.png", "red", shade=11)  # the bytes of 010.png
    (photos / "020-broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    (photos / "030-notes.txt").write_text("no photo")
    return list(listed(photos))


def listed(folder: Path) -> Iterator[PhotoFile]:
    return (file for file in discover([folder]))


def plain(outcomes: Sequence[Outcome]) -> list[object]:
    """What was loaded, in values that compare."""
    rows: list[object] = []
    for outcome in outcomes:
        if isinstance(outcome, Loaded) and outcome.content is not None:
            content = outcome.content
            rows.append(
                (outcome.file, outcome.content_hash, content.facts, content.pixels.tolist())
            )
        else:
            rows.append(outcome)
    return rows


def workers_of(process: int) -> set[int]:
    """Ids of processes below a process, the fork server's own helpers left out."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(") ")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    children = {each for each, parent in parents.items() if parent == process}
    return {each for each, parent in parents.items() if parent in children}


def gone(found: Callable[[], object]) -> bool:
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if not found():
            return True
        time.sleep(0.02)
    return False


def test_processes_give_what_threads_give_in_the_same_order(files: Sequence[PhotoFile]) -> None:
    known = {hash_content(files[3].path.read_bytes())}
    wanted = list(LOADER.load_all(files, known, ahead=16))
    found = list(load_in_processes(LOADER, files, known, ahead=16, workers=2))
    assert plain(found) == plain(wanted)
    kinds = {type(outcome) for outcome in found}
    assert kinds >= {Loaded, Failed}
    assert kinds <= {Loaded, Failed, NoPhoto}
    lacking = [each.file for each in found if isinstance(each, Loaded) and each.content is None]
    assert lacking == [files[3]]


def test_a_list_of_any_length_is_loaded(files: Sequence[PhotoFile]) -> None:
    assert list(load_in_processes(LOADER, (), set(), ahead=4)) == []
    for count in (1, CHUNK, CHUNK + 1):
        found = list(load_in_processes(LOADER, files[:count], set(), ahead=4))
        assert [each.file for each in found] == list(files[:count])


def test_pixels_last_beyond_the_workers(files: Sequence[PhotoFile]) -> None:
    (first, *_) = found = list(load_in_processes(LOADER, files, set(), ahead=64, workers=1))
    assert isinstance(first, Loaded)
    assert first.content is not None
    assert first.content.pixels.dtype == np.uint8
    assert len(found) == len(files)
    assert plain([first]) == plain([LOADER.load(files[0])])


@linux
def test_closing_early_leaves_no_worker(files: Sequence[PhotoFile]) -> None:
    outcomes = load_in_processes(LOADER, files, set(), ahead=8, workers=2)
    next(outcomes)
    assert len(workers_of(os.getpid())) == 2
    outcomes.close()
    assert gone(lambda: workers_of(os.getpid()))


@linux
def test_a_worker_that_is_killed_is_told_in_one_line(files: Sequence[PhotoFile]) -> None:
    outcomes = load_in_processes(LOADER, files * 20, set(), ahead=8, workers=2)
    next(outcomes)
    for worker in workers_of(os.getpid()):
        os.kill(worker, signal.SIGKILL)
    with pytest.raises(WorkerError, match="A process that decodes photos ended") as caught:
        list(outcomes)
    assert "\n" not in str(caught.value)
    assert gone(lambda: workers_of(os.getpid()))


def test_a_mistake_in_a_worker_is_shown_with_its_cause(files: Sequence[PhotoFile]) -> None:
    # workers import no test: where sightseek is installed, tests are on no path of theirs
    mistake = methodcaller("a_mistake_of_ours")
    broken = replace(LOADER, encoder=SimpleNamespace(image_size=16, preprocess=mistake))
    with pytest.raises(AttributeError, match="a_mistake_of_ours"):
        list(load_in_processes(broken, files, set(), ahead=8, workers=1))


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (RuntimeError("unable to allocate shared memory(shm) for file </torch_1>"), "--shm-size"),
        (
            RuntimeError("Too many open files. Communication with the workers"),
            "Too many open files",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (EOFError(), "EOFError"),
    ],
)
def test_whatever_torch_says_of_its_workers_becomes_one_line(error: Exception, part: str) -> None:
    def chunks() -> Iterator[object]:
        yield ([], torch.empty(0))
        raise error

    received = _received(chunks())  # type: ignore[arg-type]
    next(received)
    with pytest.raises(WorkerError) as caught:
        next(received)
    assert part in str(caught.value)
    assert "run the same command to go on" in str(caught.value)
    assert "\n" not in str(caught.value)


SCRIPT = """
import importlib.util, json, sys
from indexer import Library, index_photos
from indexer.encoders.openclip import Squares
from indexer.encoders.preprocess import Preprocessing

spec = importlib.util.spec_from_file_location("conftest", sys.argv[1])
conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)

class Encoder(conftest.ColourEncoder):
    preparation = Squares(Preprocessing(size=16, mean=(0.5,) * 3, std=(0.5,) * 3))
    image_batch = 8

    def encode_images(self, images):
        print("encoding", flush=True)
        return super().encode_images([image.transpose(2, 0, 1) / 255 for image in images])

if __name__ == "__main__":
    print("loaded", flush=True)
    with Library.open(sys.argv[3], writable=True) as library:
        report = index_photos([sys.argv[2]], library, Encoder())
    print(json.dumps([report.interrupted, report.added, report.encoded]))
"""


@pytest.fixture
def run(tmp_path: Path, photos: Path, paint: Paint) -> Callable[[], subprocess.Popen[str]]:
    """Start a process that indexes 300 photos by workers."""
    for number in range(300):
        paint(photos / f"{number:03d}.png", "blue", shade=number + 1)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    conftest = Path(__file__).parent.parent / "conftest.py"

    def start() -> subprocess.Popen[str]:
        paths = (script, conftest, photos, tmp_path / "library")
        words = [sys.executable, *map(str, paths)]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, start_new_session=True)

    return start


@linux
@pytest.mark.parametrize("moment", ["while workers start", "while they work"])
def test_an_interrupt_ends_all_quietly_and_keeps_what_is_done(
    run: Callable[[], subprocess.Popen[str]], moment: str
) -> None:
    process = run()
    assert process.stdout is not None
    assert process.stdout.readline() == "loaded\n"
    if moment == "while workers start":
        assert gone(lambda: not children(process.pid))
    else:
        process.stdout.readline()
        process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=LIMIT)
    assert err == ""
    assert process.returncode == 0
    interrupted, added, encoded = json.loads(out.splitlines()[-1])
    assert interrupted
    assert added == encoded
    assert added >= (8 if moment == "while they work" else 0)
    assert added % 8 == 0


@linux
def test_workers_end_with_a_parent_that_is_killed(
    run: Callable[[], subprocess.Popen[str]],
) -> None:
    process = run()
    assert process.stdout is not None
    assert process.stdout.readline() == "loaded\n"
    process.stdout.readline()
    below = children(process.pid) | workers_of(process.pid)
    assert below
    process.kill()
    process.communicate(timeout=LIMIT)
    assert gone(lambda: {each for each in below if Path(f"/proc/{each}").exists()})


def children(process: int) -> set[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return set(map(int, found.split()))
