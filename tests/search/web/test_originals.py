"""Photos' own files: those of the library alone, and only while they are what was indexed."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.catalog import photos as rows
from indexer.pipeline import index_photos
from search.web.originals import Originals, read_original
from search.web.problems import ChangedError, NoSuchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ColourEncoder

    from indexer.catalog.photos import Original
    from indexer.library import Library


@pytest.fixture
def red(photos: Path, paint: Callable[..., Path]) -> Path:
    return paint(photos / "red.png", "red")


@pytest.fixture
def known(library: Library, encoder: ColourEncoder, red: Path) -> Original:
    """What the library knows of the only photo that it holds."""
    index_photos(red.parent, library, encoder)
    with library.reading() as connection:
        found = rows.original(connection, 1)
    assert found is not None
    return found


def opened(known: Original, originals: Originals | None = None) -> bytes:
    with (originals or Originals()).open(known) as file:
        return file.read(0, file.size)


def test_a_photo_is_opened_and_read(known: Original, red: Path) -> None:
    assert opened(known) == read_original(known) == red.read_bytes()


def refused(known: Original, error: type[Exception], originals: Originals | None = None) -> None:
    with pytest.raises(error, match="sightseek index"):
        opened(known, originals)
    with pytest.raises(error, match="sightseek index"):
        read_original(known)


def test_a_photo_that_is_gone_is_told(known: Original, red: Path) -> None:
    red.unlink()
    refused(known, NoSuchError)


def test_another_content_of_the_same_size_and_time_is_refused(
    known: Original, red: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.web.originals._SETTLED", -1.0)  # as a file of seconds ago
    originals = Originals()
    opened(known, originals)
    status, data = red.stat(), bytearray(red.read_bytes())
    data[-20] ^= 1
    while red.stat().st_ctime_ns == status.st_ctime_ns:  # the clock of files has ticks
        red.write_bytes(data)
        os.utime(red, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert red.stat().st_mtime_ns == status.st_mtime_ns
    refused(known, ChangedError, originals)


def test_a_larger_file_is_refused_before_it_is_read(
    known: Original, red: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.truncate(red, 1 << 20)
    monkeypatch.setattr("search.web.originals.blake2b", None)
    monkeypatch.setattr("search.web.originals.hash_content", None)
    refused(known, ChangedError)


def test_a_link_that_was_moved_leads_to_nothing(known: Original, red: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * known.size)
    red.unlink()
    red.symlink_to(secret)
    refused(known, ChangedError)


def test_a_folder_that_became_a_link_elsewhere_leads_to_nothing(
    known: Original, red: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / red.name).write_bytes(b"x" * known.size)
    red.parent.rename(tmp_path / "moved")
    red.parent.symlink_to(elsewhere)
    refused(known, ChangedError)


def test_a_link_to_the_photo_itself_is_followed(known: Original, red: Path, tmp_path: Path) -> None:
    there = red.rename(tmp_path / "there.png")
    red.symlink_to(there)
    assert opened(known) == there.read_bytes()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_a_photos_place_is_refused_and_not_waited_for(known: Original, red: Path) -> None:
    red.unlink()
    os.mkfifo(red)
    written = list[int]()
    # whoever waits for a writer would wait forever
    writer = threading.Timer(10, lambda: written.append(os.open(red, os.O_RDWR)))
    writer.start()
    refused(known, ChangedError)
    writer.cancel()
    assert not written


def test_a_folder_in_a_photos_place_is_refused(known: Original, red: Path) -> None:
    red.unlink()
    red.mkdir()
    refused(known, ChangedError)


def test_what_was_read_through_once_is_known_again(
    known: Original, red: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.web.originals._SETTLED", -1.0)  # as a file of seconds ago
    originals = Originals()
    opened(known, originals)
    monkeypatch.setattr("search.web.originals.blake2b", None)
    assert opened(known, originals) == red.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files cannot be counted")
def test_no_file_is_left_open(known: Original, red: Path) -> None:
    data = bytearray(red.read_bytes())
    before = len(list(Path("/proc/self/fd").iterdir()))
    originals = Originals()
    opened(known, originals)
    data[-20] ^= 1
    red.write_bytes(data)
    refused(known, ChangedError, originals)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
