from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from sqlalchemy import select

from indexer import Library, index_photos, pipeline
from indexer.catalog import photos as photo_rows
from indexer.catalog.schema import caption, photo
from indexer.errors import LibraryError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ColourEncoder

    from indexer.records import IndexReport, Progress

    Paint = Callable[..., Path]
    Touch = Callable[[Path], None]
    VectorsOf = Callable[[Library], dict[str, list[float]]]
    Index = Callable[..., IndexReport]


@pytest.fixture
def index(library: Library, photos: Path, encoder: ColourEncoder) -> Index:
    def run(*paths: Path, **options: object) -> IndexReport:
        return index_photos(paths or [photos], library, encoder, **options)

    return run


def counts(report: IndexReport) -> dict[str, int]:
    names = ("added", "updated", "moved", "unchanged", "removed", "kept", "encoded")
    found = {name: getattr(report, name) for name in names} | {"skipped": len(report.skipped)}
    return {name: count for name, count in found.items() if count}


def ids_of(library: Library) -> dict[str, int]:
    with library.reading() as connection:
        return {
            Path(path).name: i for path, i in connection.execute(select(photo.c.path, photo.c.id))
        }


def names_of(library: Library) -> list[str]:
    return sorted(ids_of(library))


def rewrite(path: Path, content: bytes) -> None:
    """Replace a file's content, and leave its size and mtime as they were."""
    status = path.stat()
    path.write_bytes(content.ljust(status.st_size, b"\0")[: status.st_size])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_first_run_adds_every_photo(photos: Path, paint: Paint, index: Index) -> None:
    for number in range(70):  # more than two batches
        paint(photos / f"{number % 7}" / f"{number}.png", "red", shade=number)
    report = index()
    assert counts(report) == {"added": 70, "encoded": 70}
    assert report.seconds > 0
    assert report.images_per_second > 0
    assert not report.interrupted


def test_a_second_run_changes_nothing_and_opens_nothing(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf
) -> None:
    path = paint(photos / "a.png", "red")
    index()
    before = vectors_of(library)
    rewrite(path, b"no photo any more")  # what opens it finds out
    assert counts(index()) == {"unchanged": 1}
    assert vectors_of(library) == before


def test_no_unchanged_file_is_opened(tmp_path: Path, photos: Path, paint: Paint) -> None:
    paint(photos / "photo.png", "red")
    (photos / "broken.jpg").write_text("a text")
    (photos / "notes.md").write_text("no photo")
    (photos / "photo.txt").write_text("a sidecar")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, importlib.util\n"
        "spec = importlib.util.spec_from_file_location('conftest', sys.argv[3])\n"
        "conftest = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(conftest)\n"
        "from indexer import Library, index_photos\n"
        "def watch(event, args):\n"
        "    if event == 'open' and str(args[0]).startswith(sys.argv[1]):\n"
        "        opened.append(args[0])\n"
        "opened = []\n"
        "with Library.open(sys.argv[2], writable=True) as library:\n"
        "    sys.addaudithook(watch)\n"
        "    index_photos([sys.argv[1]], library, conftest.ColourEncoder())\n"
        "print(*map(str, opened))\n"
    )
    conftest = Path(__file__).parent.parent / "conftest.py"
    command = [sys.executable, script, photos, tmp_path / "library", conftest]
    opened = [
        set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        for _ in range(2)
    ]
    assert {Path(path).name for path in opened[0]} == {
        "photo.png",
        "broken.jpg",
        "notes.md",
        "photo.txt",
    }
    assert opened[1] == set()


def test_a_touched_photo_is_hashed_and_not_encoded(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index, encoder: ColourEncoder
) -> None:
    path = paint(photos / "a.png", "red")
    index()
    before = ids_of(library)
    touch(path)
    assert counts(index()) == {"unchanged": 1}
    assert encoder.images_encoded == 1
    assert ids_of(library) == before
    rewrite(path, b"")  # the new mtime was kept: it is not opened again
    assert counts(index()) == {"unchanged": 1}


def test_a_file_whose_clock_went_back_is_looked_at(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf
) -> None:
    path = paint(photos / "a.png", "red")
    index()
    before = vectors_of(library)
    paint(path, "blue")
    os.utime(path, ns=(0, -(10**18)))  # before 1970
    assert counts(index()) == {"updated": 1, "encoded": 1}
    assert vectors_of(library) != before
    assert counts(index()) == {"unchanged": 1}


def test_an_overwritten_photo_drops_its_old_vector(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index, vectors_of: VectorsOf
) -> None:
    path = paint(photos / "a.png", "red")
    index()
    before, red = ids_of(library), vectors_of(library)
    paint(path, "blue")
    touch(path)
    assert counts(index()) == {"updated": 1, "encoded": 1}
    assert ids_of(library) == before
    assert vectors_of(library) != red
    assert len(library.vectors("photos")) == 1


def test_a_renamed_photo_keeps_its_id_and_vector_without_decoding(
    library: Library, photos: Path, paint: Paint, index: Index, encoder: ColourEncoder,
    vectors_of: VectorsOf, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    paint(photos / "a.png", "red")
    paint(photos / "b.png", "blue")
    index()
    before, vectors = ids_of(library), vectors_of(library)
    (photos / "sub").mkdir()
    (photos / "a.png").rename(photos / "sub" / "renamed.png")

    def no_decoding(image: Image.Image) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(encoder, "preprocess", no_decoding)
    assert counts(index()) == {"moved": 1, "unchanged": 1}
    assert ids_of(library) == {"renamed.png": before["a.png"], "b.png": before["b.png"]}
    renamed = str(photos / "sub" / "renamed.png")
    assert vectors_of(library)[renamed] == vectors[str(photos / "a.png")]


def test_a_renamed_folder_keeps_every_photo(
    library: Library, photos: Path, paint: Paint, index: Index, encoder: ColourEncoder
) -> None:
    for number in range(40):
        paint(photos / "old" / f"{number}.png", "red", shade=number + 1)
    index()
    before = ids_of(library)
    (photos / "old").rename(photos / "new")
    assert counts(index()) == {"moved": 40}
    assert ids_of(library) == before
    assert encoder.images_encoded == 40


def test_photos_moved_to_another_indexed_folder_are_found_there(
    library: Library, tmp_path: Path, photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "a.png", "red")
    paint(photos / "b.png", "blue")
    index()
    before = ids_of(library)
    other = tmp_path / "other"
    other.mkdir()
    (photos / "a.png").rename(other / "c.png")
    assert counts(index(other)) == {"moved": 1}
    assert ids_of(library) == {"c.png": before["a.png"], "b.png": before["b.png"]}


def test_a_copy_of_a_photo_on_an_unmounted_disk_does_not_take_its_place(
    library: Library, tmp_path: Path, paint: Paint, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, other = tmp_path / "disk", tmp_path / "other"
    mounted = {str(disk)}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in mounted)
    paint(disk / "photos" / "a.png", "red")
    index(disk / "photos")
    other.mkdir()
    shutil.copy(disk / "photos" / "a.png", other / "b.png")
    shutil.rmtree(disk / "photos")
    mounted.clear()
    assert counts(index(other)) == {"added": 1}
    assert names_of(library) == ["a.png", "b.png"]


def test_two_photos_that_swap_their_files(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index, vectors_of: VectorsOf
) -> None:
    first, second = paint(photos / "a.png", "red"), paint(photos / "b.png", "blue", shade=3)
    index()
    before, ids = vectors_of(library), ids_of(library)
    first.rename(photos / "c")
    second.rename(first)
    (photos / "c").rename(second)
    touch(first)
    touch(second)
    assert counts(index()) == {"updated": 2}
    after = vectors_of(library)
    assert after == {str(first): before[str(second)], str(second): before[str(first)]}
    assert ids_of(library) == ids
    assert counts(index()) == {"unchanged": 2}


def test_names_that_shift_by_one(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf,
    encoder: ColourEncoder,
) -> None:  # fmt: skip
    colours = ("red", "green", "blue", "white")
    for number, colour in enumerate(colours):
        paint(photos / f"{number}.png", colour, shade=number + 1)
    index()
    before = vectors_of(library)
    for number in (3, 2, 1, 0):
        (photos / f"{number}.png").rename(photos / f"{number + 1}.png")
    index()
    after = vectors_of(library)
    for number in range(4):
        assert after[str(photos / f"{number + 1}.png")] == before[str(photos / f"{number}.png")]
    assert len(after) == 4
    assert encoder.images_encoded == 4


def test_a_photo_moved_over_another_takes_its_place(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf
) -> None:
    first, second = paint(photos / "a.png", "red"), paint(photos / "b.png", "blue", shade=3)
    index()
    red = vectors_of(library)[str(first)]
    first.rename(second)
    os.utime(second, ns=(0, 10**18))
    assert counts(index()) == {"updated": 1, "removed": 1}
    assert vectors_of(library) == {str(second): red}


def described(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = text
    Image.new("RGB", (24, 16), (255, 0, 0)).save(path, exif=exif)


def embedded_of(library: Library) -> dict[str, str]:
    with library.reading() as connection:
        query = select(photo.c.path, caption.c.text).join(caption)
        return {Path(path).name: text for path, text in connection.execute(query)}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_copy_shares_one_encoding_and_has_facts_and_embedded_captions(
    library: Library, photos: Path, index: Index, encoder: ColourEncoder, *, at_once: bool
) -> None:
    described(photos / "a.png", "a red square")
    if not at_once:
        index()
    shutil.copy(photos / "a.png", photos / "b.png")
    index()
    assert encoder.images_encoded == 1
    assert len(library.vectors("photos")) == 1
    assert embedded_of(library) == {"a.png": "a red square", "b.png": "a red square"}
    with library.reading() as connection:
        found = photo_rows.by_id(connection, list(ids_of(library).values()))
    assert len({each.facts for each in found.values()}) == 1
    assert len({each.content_hash for each in found.values()}) == 1


def test_copies_in_other_batches_are_encoded_once(
    photos: Path, paint: Paint, index: Index, encoder: ColourEncoder
) -> None:
    for number in range(150):
        paint(photos / f"{number:03d}.png", "red", shade=number % 50 + 1)
    assert counts(index()) == {"added": 150, "encoded": 50}
    assert encoder.images_encoded == 50


def test_deleting_one_copy_keeps_the_others_vector(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf
) -> None:
    paint(photos / "a.png", "red")
    shutil.copy(photos / "a.png", photos / "b.png")
    index()
    (photos / "a.png").unlink()
    assert counts(index()) == {"removed": 1, "unchanged": 1}
    assert list(vectors_of(library)) == [str(photos / "b.png")]


def test_embedded_captions_change_with_their_photo(
    library: Library, photos: Path, touch: Touch, index: Index, encoder: ColourEncoder
) -> None:
    described(photos / "a.png", "a red square")
    report = index()
    assert (report.captions_added, report.captions_removed) == (1, 0)
    described(photos / "a.png", "a square, red")
    touch(photos / "a.png")
    report = index()
    assert (report.captions_added, report.captions_removed) == (1, 1)
    assert embedded_of(library) == {"a.png": "a square, red"}
    assert encoder.texts_encoded == 2


def test_removed_photos_leave_and_an_emptied_sub_folder_counts(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf
) -> None:
    for name in ("a.png", "sub/b.png", "sub/c.png", "gone/d.png"):
        paint(photos / name, "red", shade=len(name) + ord(name[-5]))
    index()
    (photos / "sub" / "b.png").unlink()
    (photos / "sub" / "c.png").unlink()
    shutil.rmtree(photos / "gone")
    assert counts(index()) == {"unchanged": 1, "removed": 3}
    assert list(vectors_of(library)) == [str(photos / "a.png")]


def test_a_photo_that_becomes_unreadable_leaves_and_is_told_of(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index
) -> None:
    path = paint(photos / "a.png", "red")
    index()
    path.write_bytes(path.read_bytes()[:40])
    touch(path)
    assert counts(index()) == {"removed": 1, "skipped": 1}
    assert len(library.vectors("photos")) == 0
    assert counts(index()) == {"skipped": 1}
    paint(path, "red")
    touch(path)
    touch(path)
    assert counts(index()) == {"added": 1, "encoded": 1}
    with library.reading() as connection:
        assert photo_rows.all_skipped(connection) == ()


def test_a_photo_that_becomes_something_else_leaves(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index
) -> None:
    path = photos / "photo.dat"
    paint(photos / "a.png", "red").rename(path)
    assert counts(index()) == {"added": 1, "encoded": 1}
    path.write_text("just some data now")
    touch(path)
    assert counts(index()) == {"removed": 1}
    assert counts(index()) == {}
    assert len(library.vectors("photos")) == 0


def test_a_photo_that_cannot_be_read_just_now_keeps_its_row(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = paint(photos / "a.png", "red")
    index()
    paint(path, "blue")
    touch(path)
    opened = Path.open

    def failing(self: Path, *args: object, **options: object) -> object:
        if self == path:
            raise OSError(5, "Input/output error")
        return opened(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", failing)
    report = index()
    assert counts(report) == {"skipped": 1}
    assert "input/output error" in report.skipped[0].reason
    assert names_of(library) == ["a.png"]
    monkeypatch.undo()
    assert counts(index()) == {"updated": 1, "encoded": 1}


def test_a_skipped_file_is_not_opened_again_until_it_changes(
    photos: Path, paint: Paint, touch: Touch, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = photos / "broken.png"
    broken.write_bytes(b"not a photo".ljust(paint(photos / "a.png", "red").stat().st_size))
    assert counts(index()) == {"added": 1, "encoded": 1, "skipped": 1}
    rewrite(broken, (photos / "a.png").read_bytes())  # sound, and nobody looks
    report = index()
    assert counts(report) == {"unchanged": 1, "skipped": 1}
    assert report.skipped[0].reason
    monkeypatch.setattr("PIL.__version__", "99.0")
    assert counts(index()) == {"unchanged": 1, "added": 1}


def test_a_photo_over_the_cap_is_tried_again_under_another_cap(
    photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "a.png", "red")
    report = index(max_pixels=100)
    assert counts(report) == {"skipped": 1}
    assert "--max-pixels" in report.skipped[0].reason
    assert counts(index(max_pixels=1000)) == {"added": 1, "encoded": 1}


def test_files_are_photos_by_content(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "real.jpg", "red")
    (photos / "real.jpg").rename(photos / "data.dat")
    (photos / "text.jpg").write_text("a text")
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "README.txt").write_text("read me")
    (photos / "film.mov").write_bytes(b"\0\0\0\x14ftypqt  " + b"\0" * 100)
    report = index()
    assert names_of(library) == ["data.dat"]
    assert sorted(skip.path.name for skip in report.skipped) == ["empty.jpg", "text.jpg"]


def test_a_missing_root_stops_before_anything_is_written(
    library: Library, photos: Path, paint: Paint, index: Index, tmp_path: Path
) -> None:
    paint(photos / "a.png", "red")
    with pytest.raises(PathNotFoundError):
        index(photos, tmp_path / "missing")
    assert library.space is None
    index()
    shutil.rmtree(photos)
    with pytest.raises(PathNotFoundError):
        index()
    assert names_of(library) == ["a.png"]


def test_an_empty_root_removes_nothing_and_is_told_of(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    assert index().unseen == ()
    path = paint(photos / "a.png", "red")
    index()
    path.unlink()
    report = index()
    assert counts(report) == {"kept": 1}
    assert [each.path for each in report.unseen] == [photos]
    assert names_of(library) == ["a.png"]


def test_a_folder_that_cannot_be_listed_removes_nothing(
    library: Library, photos: Path, paint: Paint, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(photos / "a.png", "red")
    paint(photos / "sub" / "b.png", "blue")
    index()
    listed = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", denied)
    (photos / "a.png").unlink()
    report = index()
    assert counts(report) == {"kept": 1, "removed": 1}
    assert [each.path.name for each in report.unseen] == ["sub"]
    assert names_of(library) == ["b.png"]


def test_an_unmounted_disk_removes_nothing_until_it_is_back(
    library: Library, photos: Path, paint: Paint, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = {str(photos / "disk")}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in mounted)
    paint(photos / "a.png", "red")
    paint(photos / "disk" / "b.png", "blue")
    index()
    shutil.move(photos / "disk" / "b.png", photos.parent / "away.png")
    mounted.clear()
    report = index()
    assert counts(report) == {"unchanged": 1, "kept": 1}
    assert report.unseen[0].reason == "its disk is not mounted"
    mounted.add(str(photos / "disk"))
    assert counts(index()) == {"unchanged": 1, "removed": 1}


def test_an_unmounted_disk_behind_a_link_removes_nothing(
    library: Library, photos: Path, paint: Paint, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = photos.parent / "disk"
    mounted = {str(disk)}
    # as the real one: no link is a mount point
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in mounted)
    photo = paint(disk / "b.png", "blue")
    (photos / "link").symlink_to(disk)
    index()
    photo.unlink()
    mounted.clear()
    assert counts(index()) == {"kept": 1}
    assert names_of(library) == ["b.png"]


def test_one_path_may_stand_alone(
    library: Library, photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    paint(photos / "a.png", "red")
    (photos / "c.csv").write_text("image,caption\na.png,red\n")
    report = index_photos(str(photos), library, encoder, captions=photos / "c.csv")
    assert (report.added, report.captions_added) == (1, 1)


def test_a_root_inside_another_is_listed_once(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "a.png", "red")
    paint(photos / "sub" / "b.png", "blue")
    assert counts(index(photos, photos / "sub", photos / "sub" / "b.png")) == {
        "added": 2,
        "encoded": 2,
    }
    (photos / "a.png").unlink()
    assert counts(index(photos / "sub")) == {"unchanged": 1}
    assert names_of(library) == ["a.png", "b.png"]
    assert counts(index()) == {"unchanged": 1, "removed": 1}


def test_excluded_photos_leave(library: Library, photos: Path, paint: Paint, index: Index) -> None:
    paint(photos / "a.png", "red")
    paint(photos / "trash" / "b.png", "blue")
    assert counts(index(exclude=["trash/"])) == {"added": 1, "encoded": 1}
    index()
    assert names_of(library) == ["a.png", "b.png"]
    assert counts(index(exclude=["trash/"])) == {"unchanged": 1, "removed": 1}


def test_single_files_may_be_roots(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    first = paint(photos / "a.png", "red")
    paint(photos / "b.png", "blue")
    assert counts(index(first)) == {"added": 1, "encoded": 1}
    assert counts(index(first)) == {"unchanged": 1}
    assert counts(index()) == {"added": 1, "unchanged": 1, "encoded": 1}


def test_many_single_files_as_roots(photos: Path, paint: Paint, index: Index) -> None:
    files = [paint(photos / f"{number}.png", "red", shade=number) for number in range(60)]
    index(*files)
    assert counts(index(*files[:50])) == {"unchanged": 50}


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_a_name_that_is_not_utf8_is_skipped(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "a.png", "red")
    shutil.copy(photos / "a.png", photos / "caf\udce9.png")
    (photos / "caf\udce9.txt").write_text("its sidecar")
    (photos / "dossi\udce9").mkdir()
    shutil.copy(photos / "a.png", photos / "dossi\udce9" / "b.png")
    for number in range(2):
        report = index()
        assert counts(report)["skipped"] == 2, number
        assert {skip.reason for skip in report.skipped} == {
            "its name is not valid UTF-8: rename the file"
        }
    assert names_of(library) == ["a.png"]


@pytest.mark.parametrize(
    "name",
    ["it's.png", 'a "b".png', "100%_.png", "two\nlines.png", "*?[x].png", "ä🐕.png", "-x.png"],
)
def test_a_photo_may_have_any_name(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf, name: str
) -> None:
    paint(photos / "a.png", "red").rename(photos / name)
    assert counts(index()) == {"added": 1, "encoded": 1}
    assert counts(index()) == {"unchanged": 1}
    assert list(vectors_of(library)) == [str(photos / name)]
    (photos / name).rename(photos / "plain.png")
    assert counts(index()) == {"moved": 1}


def test_the_library_may_lie_in_the_folder_that_it_indexes(
    photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    paint(photos / "a.png", "red")
    opened: list[str] = []
    for folder in (photos / "library", photos):
        with Library.open(folder, writable=True) as library:
            for _ in range(2):
                listed = pipeline.discover([photos])
                opened += [each.path.name for each in listed if library.owns(each.path)]
                report = index_photos([photos], library, encoder)
                assert report.skipped == ()
            with library.reading() as connection:
                known = photo_rows.skips(connection)
            assert not [path for path in known if library.owns(Path(path))]
            assert counts(report) == {"unchanged": 1}
    assert "catalog.sqlite" in opened


def test_progress_counts_up_to_the_total(
    photos: Path, paint: Paint, index: Index, touch: Touch
) -> None:
    for number in range(70):
        paint(photos / f"{number}.png", "red", shade=number)
    (photos / "1.txt").write_text("red")
    seen: list[Progress] = []
    index(on_progress=seen.append)
    done = {stage: [(p.done, p.total) for p in seen if p.stage == stage] for stage in
            ("photos", "captions")}  # fmt: skip
    assert done["photos"] == [(0, 70), (32, 70), (64, 70), (70, 70)]
    assert done["captions"] == [(0, 1), (1, 1)]
    seen.clear()
    index(on_progress=seen.append)
    assert seen == []


def test_an_interrupted_run_keeps_its_batches_and_the_next_goes_on(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf,
    encoder: ColourEncoder,
) -> None:  # fmt: skip
    for number in range(100):
        paint(photos / f"{number:03d}.png", "red", shade=number + 1)
    paint(photos / "old.png", "blue")
    index(photos / "old.png")
    (photos / "old.png").unlink()

    def stop(progress: Progress) -> None:
        if progress.done >= 64:
            raise KeyboardInterrupt

    report = index(on_progress=stop)
    assert report.interrupted
    assert counts(report) == {"added": 64, "encoded": 64}
    assert len(vectors_of(library)) == 65  # what is gone is not dropped before the end
    with Library.open(library.path) as reader:
        assert len(vectors_of(reader)) == 65
    report = index()
    assert counts(report) == {"added": 36, "unchanged": 64, "removed": 1, "encoded": 36}
    assert not report.interrupted
    assert encoder.images_encoded == 101


def test_an_interrupt_while_encoding_loses_that_batch_alone(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf,
    encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for number in range(100):
        paint(photos / f"{number:03d}.png", "red", shade=number + 1)
    encode = encoder.encode_images

    def stop(images: list[object]) -> object:
        if encoder.images_encoded == 32:
            raise KeyboardInterrupt
        return encode(images)  # type: ignore[arg-type]

    monkeypatch.setattr(encoder, "encode_images", stop)
    report = index()
    assert (report.interrupted, report.added) == (True, 32)
    assert len(vectors_of(library)) == 32
    monkeypatch.undo()
    assert counts(index()) == {"added": 68, "unchanged": 32, "encoded": 68}


def test_an_error_in_the_model_stops_the_run_and_keeps_its_batches(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf,
    encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for number in range(40):
        paint(photos / f"{number:03d}.png", "red", shade=number + 1)
    encode = encoder.encode_images

    def fail(images: list[object]) -> object:
        if encoder.images_encoded == 32:
            raise RuntimeError("out of memory")
        return encode(images)  # type: ignore[arg-type]

    monkeypatch.setattr(encoder, "encode_images", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        index()
    assert len(vectors_of(library)) == 32


def test_a_full_disk_keeps_what_was_committed_and_the_next_run_goes_on(
    library: Library, photos: Path, paint: Paint, index: Index, vectors_of: VectorsOf
) -> None:
    for number in range(100):
        folder = photos / ("a long name " * 12)  # of which a page holds few
        paint(folder / f"{number:03d}.png", "red", shade=number + 1)
    with library.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 30}")
    with pytest.raises(LibraryError, match="is full"):
        index()
    done = len(vectors_of(library))
    assert 0 < done < 100
    with library.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert counts(index()) == {"added": 100 - done, "unchanged": done, "encoded": 100 - done}
    assert len(vectors_of(library)) == 100


def test_what_an_interrupted_run_left_is_cleared_by_the_next(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index, vectors_of: VectorsOf
) -> None:
    first = paint(photos / "a.png", "red")
    described(photos / "b.png", "a red square")
    index()
    shutil.copy(first, photos.parent / "saved.png")
    paint(first, "blue")
    touch(first)

    def stop(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    assert index(on_progress=stop).interrupted  # the old vector is an orphan now
    paint(photos / "red again.png", "red")
    assert counts(index()) == {"added": 1, "unchanged": 2}  # from the orphan, decoded for its facts
    assert len(vectors_of(library)) == 3


def test_a_file_that_changes_while_it_is_indexed_is_told_of(
    library: Library, photos: Path, paint: Paint, touch: Touch, index: Index, vectors_of: VectorsOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    first, second = paint(photos / "a.png", "red"), paint(photos / "b.png", "blue", shade=3)
    index()
    red, blue = first.read_bytes(), second.read_bytes()
    green = paint(photos.parent / "green.png", "green").read_bytes()
    first.write_bytes(blue)
    second.write_bytes(red)
    touch(first)
    touch(second)
    opened, times = Path.open, 0

    def change_when_opened_again(self: Path, *args: object, **options: object) -> object:
        nonlocal times
        times += self == second
        if self == second and times == 2:
            with opened(second, "wb") as file:
                file.write(green)
        return opened(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", change_when_opened_again)
    report = index()
    assert [skip.path for skip in report.skipped] == [second]
    monkeypatch.undo()
    touch(second)
    assert counts(index()) == {"updated": 1, "unchanged": 1, "encoded": 1}
    assert len(vectors_of(library)) == 2


def test_a_link_to_a_photo_is_no_second_photo(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "a.png", "red")
    (photos / "link.png").symlink_to(photos / "a.png")
    (photos / "loop").symlink_to(photos)
    assert counts(index()) == {"added": 1, "encoded": 1}
    assert counts(index()) == {"unchanged": 1}


def test_two_libraries_of_one_folder_do_not_touch_each_other(
    tmp_path: Path, photos: Path, paint: Paint, encoder: ColourEncoder,
    other_encoder: ColourEncoder, vectors_of: VectorsOf,
) -> None:  # fmt: skip
    paint(photos / "a.png", "red")
    with (
        Library.open(tmp_path / "1", writable=True) as first,
        Library.open(tmp_path / "2", writable=True) as second,
    ):
        index_photos([photos], first, encoder)
        index_photos([photos], second, other_encoder)
        first.forget([photos])
        assert len(vectors_of(first)) == 0
        assert len(vectors_of(second)) == 1


def test_relative_paths_are_made_absolute(
    library: Library, photos: Path, paint: Paint, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(photos / "sub" / "a.png", "red")
    monkeypatch.chdir(photos / "sub")
    index(Path())
    assert counts(index(Path("../sub/../"))) == {"unchanged": 1}


NAMES = tuple(f"{folder}{name}.png" for folder in ("", "x/", "y/") for name in "abc")
COLOURS = ("red", "green", "blue", "white")
STEPS = st.one_of(
    st.tuples(st.just("paint"), st.sampled_from(NAMES), st.sampled_from(COLOURS)),
    st.tuples(st.just("describe"), st.sampled_from(NAMES), st.sampled_from(COLOURS)),
    st.tuples(st.just("caption"), st.sampled_from(NAMES), st.sampled_from(COLOURS)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("copy"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("swap"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("touch"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("break"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("index"), st.just(""), st.just("")),
    st.tuples(st.just("interrupt"), st.just(""), st.just("")),
)


def take_step(folder: Path, paint: Paint, clock: int, step: tuple[str, str, str]) -> None:
    """Do one thing to the files; each change is at a time of its own."""
    what, name, other = step
    path, target = folder / name, folder / other
    path.parent.mkdir(exist_ok=True)
    changed = [path]
    if what == "paint":
        paint(path, other)
    elif what == "describe":
        described(path, f"a {other} thing")
    elif what == "caption":
        path.with_suffix(".txt").write_text(other)
        changed = [path.with_suffix(".txt")]
    elif what == "break":
        path.write_text("broken")
    elif what == "delete":
        path.unlink(missing_ok=True)
    elif path.exists() and path != target and what != "touch":
        carry(what, path, target)
        changed = [path, target]
    for each in changed:
        if each.exists():
            os.utime(each, ns=(0, clock * 10**9))


def carry(what: str, path: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    if what == "swap" and target.exists():
        aside = path.with_name("aside")
        target.rename(aside)
        path.rename(target)
        aside.rename(path)
    elif what == "rename":
        path.replace(target)
    else:
        shutil.copy(path, target)


def everything(library: Library, vectors: dict[str, list[float]], folder: Path) -> object:
    with library.reading() as connection:
        rows = connection.execute(
            select(
                photo.c.path, photo.c.size, photo.c.mtime_ns, photo.c.format, photo.c.content_hash
            )
        )
        found = {str(Path(path).relative_to(folder)): tuple(rest) for path, *rest in rows}
        texts = connection.execute(
            select(photo.c.path, caption.c.text, caption.c.source).join(caption)
        )
        captions = sorted((path, text, source) for path, text, source in texts)
        skips = sorted(str(skip.path) for skip in photo_rows.all_skipped(connection))
    return found, captions, skips, vectors


@settings(
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, max_size=14))
def test_whatever_happens_to_files_the_library_equals_one_made_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, paint: Paint, vectors_of: VectorsOf,
    encoder: ColourEncoder, steps: list[tuple[str, str, str]],
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("run")
    files = folder / "photos"
    files.mkdir()
    (files / "keep.md").write_text("so that the folder is never empty")

    def stop(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with Library.open(folder / "library", writable=True) as library:
        for clock, step in enumerate(steps, start=1_000_000):
            if step[0] == "index":
                index_photos([files], library, encoder)
            elif step[0] == "interrupt":
                index_photos([files], library, encoder, on_progress=stop)
            else:
                take_step(files, paint, clock, step)
        index_photos([files], library, encoder)
        mine = everything(library, vectors_of(library), files)
        again = index_photos([files], library, encoder)
        assert again.encoded == again.added == again.updated == again.moved == again.removed == 0
        assert (again.captions_added, again.captions_removed) == (0, 0)
    with Library.open(folder / "scratch", writable=True) as scratch:
        index_photos([files], scratch, encoder)
        assert everything(scratch, vectors_of(scratch), files) == mine
    shutil.rmtree(folder)
