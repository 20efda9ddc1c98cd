from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from indexer.encoders import exported
from indexer.encoders.manifest import MANIFEST
from indexer.encoders.registry import BUILTIN_FOLDER
from indexer.errors import ExportError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0123456789abcdef"
ONES_OWN = """
import os, shutil, sys, time
from indexer.encoders import exported
from indexer.encoders.registry import BUILTIN_FOLDER
def write(folder):
    shutil.copytree(BUILTIN_FOLDER, folder, dirs_exist_ok=True)
    with open(sys.argv[1], "a") as log:
        log.write(f"{os.getpid()}\\n")
    time.sleep(float(sys.argv[2]))
print(exported.make("0123456789abcdef", write))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(folder: Path) -> None:
    for path in BUILTIN_FOLDER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())


def start(log: Path, seconds: float) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", ONES_OWN, str(log), str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert path.exists()


def test_a_bundle_is_made_once_and_found_again() -> None:
    assert exported.find(KEY) is None
    made = exported.make(KEY, write)
    assert exported.find(KEY) == made
    assert exported.make(KEY, lambda _: pytest.fail("made again")) == made
    assert [folder for folder, _ in exported.listed()] == [made]


def test_a_bundle_is_found_by_the_name_of_its_model() -> None:
    made = exported.make(KEY, write)
    name = next(manifest.name for _, manifest in exported.listed())
    assert exported.find_named(name) == made
    assert exported.find_named("another") is None


def test_a_half_written_export_is_never_used(tmp_path: Path) -> None:
    process = start(tmp_path / "log", 600)
    wait_for(tmp_path / "log")
    assert exported.find(KEY) is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert exported.find(KEY) is None
    assert not list(exported.listed())
    made = exported.make(KEY, write)
    assert exported.is_whole(made)
    assert [path.name for path in made.parent.iterdir() if path.suffix == ".tmp"] == []


def test_two_processes_at_once_make_one_bundle(tmp_path: Path) -> None:
    both = [start(tmp_path / "log", 0.5) for _ in range(2)]
    folders = {process.communicate(timeout=60)[0] for process in both}
    assert len(folders) == 1
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_a_refusal_is_remembered() -> None:
    def refuse(folder: Path) -> None:
        (folder / MANIFEST).write_text("{}")
        raise ExportError("The text tower cannot become ONNX: it loops.")

    for _ in range(2):
        with pytest.raises(ExportError, match="it loops"):
            exported.make(KEY, refuse)
        refuse = lambda _: pytest.fail("tried again")  # noqa: E731
    with pytest.raises(ExportError, match="it loops"):
        exported.find(KEY)


def test_a_refusal_holds_for_the_torch_that_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise ExportError("torch cannot write it.")

    with pytest.raises(ExportError):
        exported.make(KEY, refuse)
    monkeypatch.setattr(exported, "version", lambda _: "99.0")
    assert exported.find(KEY) is None
    made = exported.make(KEY, write)
    monkeypatch.undo()
    assert made.is_dir()


def test_what_is_not_the_models_fault_is_tried_again() -> None:
    def fail(folder: Path) -> None:
        (folder / MANIFEST).write_text("{}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exported.make(KEY, fail)
    assert exported.find(KEY) is None
    assert exported.make(KEY, write).is_dir()


def test_a_cache_that_cannot_be_written_is_one_clear_line(cache: Path) -> None:
    cache.write_text("a file stands where the folder should")
    with pytest.raises(ModelError, match=r"cannot be written: .*XDG_CACHE_HOME") as caught:
        exported.make(KEY, write)
    assert "\n" not in str(caught.value)


def test_a_damaged_bundle_is_made_again() -> None:
    made = exported.make(KEY, write)
    (made / "text.onnx").write_bytes(b"damaged")
    assert not exported.is_whole(made)
    assert exported.make(KEY, write) == made
    assert exported.is_whole(made)
    (made / MANIFEST).write_text("{")
    assert not exported.is_whole(made)
