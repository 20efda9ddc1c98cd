"""How far a run is, as another process reads it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from indexer.errors import LibraryBusyError
from indexer.library import Library
from indexer.lock import is_locked
from indexer.pipeline import index_photos
from indexer.progress import PROGRESS, Watch, published
from indexer.records import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder


def test_a_run_shows_others_how_far_it_is(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> None:
    for name, colour in (("a", "red"), ("b", "green")):
        paint(photos / f"{name}.jpg", colour)
    watch = Watch(library.path)
    seen = []
    assert watch.read() is None
    index_photos(photos, library, encoder, on_progress=lambda told: seen.append(watch.read()))
    assert seen == [Progress("photos", 0, 2), Progress("photos", 2, 2)]
    assert watch.read() is None


def test_a_run_that_ends_with_an_error_shows_nothing_more(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), published(tmp_path) as publish:
        publish(Progress("photos", 1, 2))
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_progress_is_written_seldom_but_for_what_matters(tmp_path: Path) -> None:
    with published(tmp_path) as publish:
        seen = []
        for progress in (*(Progress("photos", n, 999) for n in range(1000)), Progress("c", 0, 9)):
            publish(progress)
            seen.append(json.loads((tmp_path / PROGRESS).read_text("utf-8")))
    assert seen[0] == {"stage": "photos", "done": 0, "total": 999}
    assert len({told["done"] for told in seen}) < 500
    assert seen[-2]["done"] == 999
    assert seen[-1] == {"stage": "c", "done": 0, "total": 9}


def test_a_run_goes_on_where_its_progress_cannot_be_written(tmp_path: Path) -> None:
    with published(tmp_path / "not there") as publish:
        publish(Progress("photos", 1, 2))


def leave_behind(folder: Path, *, seconds: float) -> None:
    path = folder / PROGRESS
    path.write_text('{"stage": "photos", "done": 3, "total": 9}', "utf-8")
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_a_crash_left_behind_is_no_progress(tmp_path: Path) -> None:
    Library.open(tmp_path, writable=True).close()
    leave_behind(tmp_path, seconds=60)
    assert Watch(tmp_path).read() is None
    with Library.open(tmp_path, writable=True):
        assert Watch(tmp_path).read() == Progress("photos", 3, 9)


def test_a_watch_asks_for_the_lock_once_for_what_a_crash_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("indexer.progress.is_locked", asked.append)
    leave_behind(tmp_path, seconds=60)
    watch = Watch(tmp_path)
    assert [watch.read() for _ in range(3)] == [None] * 3
    assert asked == [tmp_path]


@pytest.mark.parametrize("told", ["", "{", "[]", "{}", '{"stage": 1, "done": "x", "total": 1}'])
def test_a_damaged_file_is_no_progress(tmp_path: Path, told: str) -> None:
    (tmp_path / PROGRESS).write_text(told, "utf-8")
    assert Watch(tmp_path).read() is None


def test_progress_is_the_librarys_own_and_is_not_indexed(library: Library) -> None:
    with published(library.path) as publish:
        publish(Progress("photos", 1, 2))
        assert library.owns(library.path / PROGRESS)


def test_a_lock_that_is_looked_at_stays_as_it_is(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with Library.open(tmp_path, writable=True):
        assert is_locked(tmp_path)
        with pytest.raises(LibraryBusyError):
            Library.open(tmp_path, writable=True)
    assert (tmp_path / "lock").exists()
    assert not is_locked(tmp_path)
    assert (tmp_path / "lock").exists()
