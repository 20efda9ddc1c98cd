from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from indexer import Library, index_photos
from indexer.catalog import embeddings
from indexer.catalog import photos as photo_rows
from indexer.catalog.schema import image_embedding, text_embedding
from indexer.errors import (
    LibraryBusyError,
    LibraryDamagedError,
    LibraryError,
    LibraryNotFoundError,
    PathNotFoundError,
    SpaceMismatchError,
)
from indexer.library import TARGETS
from indexer.places import default_path
from indexer.records import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import ColourEncoder

    Paint = Callable[..., Path]
    VectorsOf = Callable[[Library], dict[str, list[float]]]

OPEN_AND_WAIT = """
import sys
from indexer import Library
with Library.open(sys.argv[1], writable=True):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the library open for writing."""
    command = [sys.executable, "-c", OPEN_AND_WAIT, str(tmp_path / "library")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process
        process.kill()


def test_a_library_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFoundError, match="sightseek index FOLDER"):
        Library.open(tmp_path / "library")
    with pytest.raises(LibraryNotFoundError, match="sightseek index FOLDER"):
        Library.open(tmp_path / "library", writable=True, make=False)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_makes_the_library_and_the_folders_above(tmp_path: Path) -> None:
    with Library.open(tmp_path / "a" / "b", writable=True) as library:
        assert library.space is None
        assert len(library.vectors("photos")) == 0
        library.save_snapshots()  # nothing to save, nothing to fail
    with Library.open(tmp_path / "a" / "b") as library:
        assert library.space is None


def test_a_second_writer_is_refused_at_once_and_readers_are_not(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    with pytest.raises(LibraryBusyError, match="searching works meanwhile"):
        Library.open(tmp_path / "library", writable=True)
    with Library.open(tmp_path / "library") as reader:
        assert len(reader.vectors("photos")) == 0


def test_the_lock_of_a_killed_process_is_free(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    Library.open(tmp_path / "library", writable=True).close()


def test_a_second_writer_in_the_same_process_is_refused(library: Library) -> None:
    with pytest.raises(LibraryBusyError):
        Library.open(library.path, writable=True)
    library.close()
    Library.open(library.path, writable=True).close()


def test_any_thread_may_close_a_library(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library", writable=True)
    thread = threading.Thread(target=library.close)
    thread.start()
    thread.join()
    Library.open(tmp_path / "library", writable=True).close()


def test_a_failed_open_lets_go_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"hello " * 1000)
    for _ in range(2):
        with pytest.raises(LibraryDamagedError):
            Library.open(tmp_path, writable=True)


def test_a_file_in_the_librarys_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("a file")
    with pytest.raises(LibraryError, match=r"cannot be written.*--library"):
        Library.open(tmp_path / "library", writable=True)
    with pytest.raises(LibraryNotFoundError):
        Library.open(tmp_path / "library")


def test_a_closed_library_cannot_write(tmp_path: Path) -> None:
    closed = Library.open(tmp_path / "closed", writable=True)
    closed.close()
    with (
        Library.open(tmp_path / "closed", writable=True),  # the lock is another's now
        pytest.raises(LibraryError, match="not open for writing"),
        closed.writing(),
    ):
        pass


def test_a_reader_cannot_write(library: Library) -> None:
    with (
        Library.open(library.path) as reader,
        pytest.raises(LibraryError, match="not open for writing"),
        reader.writing(),
    ):
        pass


def test_two_libraries_may_be_open_at_once(tmp_path: Path) -> None:
    with (
        Library.open(tmp_path / "a", writable=True) as first,
        Library.open(tmp_path / "b", writable=True) as second,
        first.writing(),
        second.writing(),
    ):
        pass


def test_the_environment_names_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTSEEK_LIBRARY", str(tmp_path / "named"))
    assert default_path() == tmp_path / "named"
    with Library.open(writable=True) as library:
        assert library.path == tmp_path / "named"
    monkeypatch.setenv("SIGHTSEEK_LIBRARY", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_path().is_relative_to(tmp_path)


def test_embeddings_are_float16_in_the_catalog_and_unit_rows_outside(library: Library) -> None:
    rows = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    keys = [bytes([number]) * 16 for number in range(50)]
    space_id = library.use_space(Space("m", "w", "p", 8))
    with library.writing() as connection:
        by_key = dict(zip(keys, rows, strict=True))
        embeddings.add(connection, embeddings.PHOTOS, space_id, by_key)
    with library.reading() as connection:
        stored = connection.execute(select(image_embedding.c.vector)).scalars().all()
        back = embeddings.by_hash(connection, embeddings.PHOTOS, space_id, keys, dim=8)
    assert {len(vector) for vector in stored} == {16}
    for key, row in zip(keys, rows, strict=True):
        assert np.linalg.norm(back[key]) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(back[key], row, atol=1e-3)


def test_ids_of_embeddings_are_never_used_again(library: Library) -> None:
    space_id = library.use_space(Space("m", "w", "p", 8))
    row = np.eye(8, dtype=np.float32)[0]
    seen: list[int] = []
    for number in range(4):
        with library.writing() as connection:
            embeddings.add(connection, embeddings.PHOTOS, space_id, {bytes([number]) * 16: row})
            seen += connection.execute(select(image_embedding.c.id)).scalars().all()
            embeddings.remove_orphans(connection)
    assert seen == sorted(set(seen))
    assert len(seen) == 4


def test_more_keys_than_a_statement_takes(library: Library) -> None:
    count = 33_000
    space_id = library.use_space(Space("m", "w", "p", 2))
    row = np.array([1, 0], np.float32)
    keys = [number.to_bytes(16, "big") for number in range(count)]
    with library.writing() as connection:
        embeddings.add(connection, embeddings.PHOTOS, space_id, dict.fromkeys(keys, row))
    with library.reading() as connection:
        found = embeddings.by_hash(connection, embeddings.PHOTOS, space_id, keys, dim=2)
        assert len(found) == count
        ids = list(range(1, count + 1))
        assert len(embeddings.hashes_by_id(connection, embeddings.PHOTOS, ids)) == count
        assert photo_rows.by_hash(connection, keys) == {}
        assert photo_rows.by_id(connection, ids) == {}
    with library.writing() as connection:
        photo_rows.remove(connection, ids)
        photo_rows.remove_skips(connection, [str(each) for each in ids])


@pytest.fixture
def filled(library: Library, photos: Path, paint: Paint, encoder: ColourEncoder) -> Library:
    for number, colour in enumerate(("red", "green", "blue", "white", "yellow")):
        paint(photos / f"{colour}.png", colour, shade=number)
    (photos / "red.txt").write_text("a red square\na square", encoding="utf-8")
    index_photos([photos], library, encoder)
    return library


def test_a_snapshot_and_its_tail_give_what_the_catalog_has(
    filled: Library, photos: Path, paint: Paint, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    expected = vectors_of(filled)
    with Library.open(filled.path) as reader:
        assert vectors_of(reader) == expected
    for number in range(40):
        paint(photos / f"more-{number}.png", "purple", shade=number + 100)
    index_photos([photos], filled, encoder)
    before = (filled.path / "photos.faiss").read_bytes()
    paint(photos / "one more.png", "orange")
    index_photos([photos], filled, encoder)
    # one in forty-five is a tail to replay, not worth a new file
    assert (filled.path / "photos.faiss").read_bytes() == before
    with Library.open(filled.path) as reader:
        found = vectors_of(reader)
        assert len(found) == 46
        assert vectors_of(reader)
        assert len(reader.vectors("captions")) == 2


def test_a_reader_that_stays_open_sees_what_a_writer_commits(
    filled: Library, photos: Path, paint: Paint, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    with Library.open(filled.path) as reader:
        assert len(reader.vectors("photos")) == 5
        paint(photos / "new.png", "purple")
        (photos / "red.png").unlink()
        index_photos([photos], filled, encoder)
        assert vectors_of(reader) == vectors_of(filled)
        assert vectors_of(reader)


@pytest.mark.parametrize("harm", ["deleted", "cut", "flipped", "another", "folder"])
def test_a_snapshot_that_came_to_harm_is_made_anew(
    filled: Library, harm: str, encoder: ColourEncoder, photos: Path, vectors_of: VectorsOf
) -> None:
    expected = vectors_of(filled)
    for target in TARGETS:
        path = filled.path / f"{target}.faiss"
        content = path.read_bytes()
        path.unlink()
        if harm == "cut":
            path.write_bytes(content[:-40])
        elif harm == "flipped":
            path.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
        elif harm == "another":
            other = filled.path / f"{TARGETS[1 - TARGETS.index(target)]}.faiss"
            if other.exists():
                path.write_bytes(other.read_bytes())
        elif harm == "folder":
            path.mkdir()
    with Library.open(filled.path) as reader:
        assert vectors_of(reader) == expected
        assert len(reader.vectors("captions")) == 2
    if harm == "folder":
        return
    filled.close()
    with Library.open(filled.path, writable=True) as writer:
        index_photos([photos], writer, encoder)
    with Library.open(filled.path) as reader:
        assert vectors_of(reader) == expected


@pytest.mark.parametrize("restored", ["catalog", "snapshots"])
def test_a_backup_of_one_half_never_gives_wrong_vectors(
    filled: Library,
    photos: Path,
    paint: Paint,
    encoder: ColourEncoder,
    restored: str,
    vectors_of: VectorsOf,
) -> None:
    path, backup = filled.path, filled.path.parent / "backup"
    filled.close()
    shutil.copytree(path, backup)
    (photos / "red.png").unlink()
    paint(photos / "blue.png", "orange")
    for number in range(30):
        paint(photos / f"{number}.png", "purple", shade=number + 9)
    with Library.open(path, writable=True) as writer:
        index_photos([photos], writer, encoder)
    pattern = "catalog.sqlite*" if restored == "catalog" else "*.faiss"
    for file in path.glob(pattern):
        file.unlink()
    for file in backup.glob(pattern):
        shutil.copy(file, path)
    with Library.open(path) as reader:
        assert vectors_of(reader)
        assert len(vectors_of(reader)) == (5 if restored == "catalog" else 34)
    for number in range(5):  # new embeddings get ids that the lost catalog had given before
        paint(photos / f"later-{number}.png", "yellow", shade=number + 500)
    with Library.open(path, writable=True) as writer:
        index_photos([photos], writer, encoder)
    with Library.open(path) as reader:
        assert vectors_of(reader)
        assert len(vectors_of(reader)) == 39


def test_a_snapshot_whose_token_was_not_committed_does_not_count(
    filled: Library, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    filled.vectors("photos").save(filled.path / "photos.faiss", token="never committed")
    with Library.open(filled.path) as reader:
        assert vectors_of(reader)


def test_a_snapshot_that_cannot_be_written_is_one_clear_line(
    filled: Library, photos: Path, paint: Paint, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    (filled.path / "photos.faiss").unlink()
    (filled.path / "photos.faiss").mkdir()
    paint(photos / "new.png", "orange")
    with pytest.raises(LibraryError, match="Everything indexed is kept") as caught:
        index_photos([photos], filled, encoder)
    assert "\n" not in str(caught.value)
    assert len(vectors_of(filled)) == 6


def test_an_unchanged_library_writes_no_snapshot(
    filled: Library, photos: Path, encoder: ColourEncoder
) -> None:
    def stamps() -> list[int]:
        return [(filled.path / f"{target}.faiss").stat().st_mtime_ns for target in TARGETS]

    before = stamps()
    index_photos([photos], filled, encoder)
    assert stamps() == before


def test_a_removed_photo_leaves_the_index(
    filled: Library, photos: Path, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    red = vectors_of(filled)[str(photos / "red.png")]
    (photos / "red.png").unlink()
    index_photos([photos], filled, encoder)
    assert len(filled.vectors("photos")) == 4
    assert len(filled.vectors("captions")) == 0
    scores, _ = filled.vectors("photos").search(np.array(red, np.float32), 4)
    assert scores.max() < 0.99


def test_another_model_is_refused_however_like_its_vectors_are(
    filled: Library, photos: Path, paint: Paint, other_encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    paint(photos / "new.png", "orange")
    before = vectors_of(filled)
    with pytest.raises(SpaceMismatchError, match="--library"):
        index_photos([photos], filled, other_encoder)
    assert vectors_of(filled) == before
    with pytest.raises(SpaceMismatchError):
        filled.require_space(other_encoder.space)


def test_a_model_that_changed_under_its_name_is_refused(filled: Library) -> None:
    assert filled.space is not None
    mine = filled.space
    changed = Space(mine.model, "f" * 64, mine.preprocessing_digest, mine.dim)
    with pytest.raises(SpaceMismatchError, match="is now"):
        filled.use_space(changed)
    cropped = Space(mine.model, mine.weights_digest, "f" * 64, mine.dim)
    with pytest.raises(SpaceMismatchError):
        filled.use_space(cropped)


def test_the_same_weights_under_another_name_are_welcome(
    filled: Library, photos: Path, encoder: ColourEncoder
) -> None:
    mine = encoder.space
    encoder.space = Space("moved/bundle", mine.weights_digest, mine.preprocessing_digest, mine.dim)
    assert index_photos([photos], filled, encoder).unchanged == 5
    assert filled.space == encoder.space


def test_a_library_without_vectors_takes_another_model(
    filled: Library, photos: Path, paint: Paint, other_encoder: ColourEncoder
) -> None:
    filled.vectors("photos")
    filled.forget([photos])
    other_encoder.space = Space("other", "a" * 64, "b" * 64, 4)
    assert filled.use_space(other_encoder.space)
    assert filled.space == other_encoder.space
    assert len(filled.vectors("photos")) == 0
    filled.save_snapshots()
    with Library.open(filled.path) as reader:
        assert len(reader.vectors("photos")) == 0


def test_an_empty_library_says_how_to_fill_it(library: Library, encoder: ColourEncoder) -> None:
    with pytest.raises(LibraryError, match="sightseek index FOLDER"):
        library.require_space(encoder.space)


def test_forgetting_a_folder_drops_what_lies_beneath_it_alone(
    library: Library, tmp_path: Path, paint: Paint, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    for name in ("a/1.png", "a/b/2.png", "ab/3.png", "a.png"):
        paint(tmp_path / name, "red", shade=len(name))
    (tmp_path / "a" / "broken.jpg").write_bytes(b"no photo")
    folders = [tmp_path / "a", tmp_path / "ab", tmp_path / "a.png"]
    index_photos(folders, library, encoder)
    assert library.forget([tmp_path / "a"]) == (2, 0)
    assert sorted(vectors_of(library)) == [str(tmp_path / "a.png"), str(tmp_path / "ab/3.png")]
    assert (tmp_path / "a" / "1.png").exists()
    with library.reading() as connection:
        assert photo_rows.skips(connection) == {}


def test_forgetting_a_file_drops_it_with_its_captions(filled: Library, photos: Path) -> None:
    assert filled.forget([photos / "red.png"]) == (1, 2)
    assert len(filled.vectors("photos")) == 4
    assert len(filled.vectors("captions")) == 0
    with filled.reading() as connection:
        assert connection.execute(select(text_embedding)).all() == []


def test_forgetting_a_captions_file_keeps_the_photos(
    filled: Library, photos: Path, tmp_path: Path, encoder: ColourEncoder
) -> None:
    table = tmp_path / "captions.csv"
    table.write_text("image,caption\nblue.png,a blue thing\nred.png,a square\n")
    index_photos([photos], filled, encoder, captions=[table])
    assert len(filled.vectors("captions")) == 3
    assert filled.forget([table]) == (0, 2)
    assert len(filled.vectors("captions")) == 2  # the sidecar says "a square" too
    assert len(filled.vectors("photos")) == 5


def test_forgetting_takes_paths_as_indexing_does(
    filled: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    assert filled.forget([f"./{photos.name}"])[0] > 0


def test_forgetting_what_is_not_known_changes_nothing(
    filled: Library, photos: Path, vectors_of: VectorsOf
) -> None:
    before = vectors_of(filled)
    with pytest.raises(PathNotFoundError, match="knows nothing of"):
        filled.forget([photos / "red.png", photos / "nothing.png"])
    assert vectors_of(filled) == before
    with Library.open(filled.path) as reader, pytest.raises(LibraryError):
        reader.forget([photos])


def test_a_copy_keeps_its_vector_when_the_other_is_forgotten(
    library: Library, photos: Path, paint: Paint, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    first = paint(photos / "a.png", "red")
    shutil.copy(first, photos / "b.png")
    index_photos([photos], library, encoder)
    library.forget([first])
    assert list(vectors_of(library)) == [str(photos / "b.png")]


def test_the_library_knows_its_own_files(library: Library, tmp_path: Path) -> None:
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "lock", "photos.faiss"):
        assert library.owns(library.path / name)
    assert not library.owns(library.path / "photo.jpg")
    assert not library.owns(tmp_path / "lock")
    link = tmp_path / "link"
    link.symlink_to(library.path)
    assert library.owns(link / "catalog.sqlite")


def test_many_threads_may_ask_for_vectors_at_once(filled: Library) -> None:
    with Library.open(filled.path) as reader:
        sizes: list[int] = []
        threads = [
            threading.Thread(target=lambda: sizes.append(len(reader.vectors("photos"))))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sizes == [5] * 20


def test_a_library_in_a_folder_of_any_name(
    tmp_path: Path, photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    paint(photos / "red.png", "red")
    folder = tmp_path / "100% 'a' ?x#y\n"
    with Library.open(folder, writable=True) as library:
        index_photos([photos], library, encoder)
    with Library.open(os.path.join(folder, "..", folder.name)) as reader:  # noqa: PTH118
        assert len(reader.vectors("photos")) == 1
    assert Image.open(photos / "red.png").size == (24, 16)
