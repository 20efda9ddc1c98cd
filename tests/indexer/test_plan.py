from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.photos import SkipStamp, Stamp
from indexer.plan import Known, find_missing, is_gone, is_within, make_plan, mounts_above
from indexer.records import PhotoFile, Skipped, Unseen

if TYPE_CHECKING:
    import pytest

ROOT = Path("/photos")


def file(name: str, *, size: int = 10, mtime_ns: int = 20) -> PhotoFile:
    return PhotoFile(ROOT / name, size, mtime_ns)


def known(*stamps: str, skips: dict[str, str] | None = None, mounts: tuple[str, ...] = ()) -> Known:
    return Known(
        stamps={str(ROOT / name): Stamp(i, 10, 20) for i, name in enumerate(stamps, start=1)},
        skips={
            str(ROOT / name): SkipStamp(10, 20, reason, "v1")
            for name, reason in (skips or {}).items()
        },
        mounts=mounts,
        decoder="v1",
    )


def test_a_file_with_the_size_and_mtime_of_before_is_not_opened() -> None:
    listing = [file("a"), file("b", size=11), file("c", mtime_ns=19), file("d")]
    plan = make_plan(listing, [ROOT], known("a", "b", "c"))
    assert [each.path.name for each in plan.pending] == ["b", "c", "d"]
    assert plan.report.unchanged == 1


def test_a_file_that_has_not_changed_and_lacks_an_embedding_is_opened() -> None:
    stamps = known("a", "b")
    lacking = replace(stamps, lacking={str(ROOT / "b")})
    plan = make_plan([file("a"), file("b")], [ROOT], lacking)
    assert [each.path.name for each in plan.pending] == ["b"]
    assert plan.report.unchanged == 1


def test_a_skipped_file_is_reported_and_not_opened_until_it_changes() -> None:
    skips = {"a.jpg": "damaged", "b.jpg": "damaged", "notes.txt": ""}
    listing = [file("a.jpg"), file("b.jpg", size=11), file("notes.txt")]
    plan = make_plan(listing, [ROOT], known(skips=skips))
    assert plan.report.skipped == (Skipped(ROOT / "a.jpg", "damaged"),)
    assert [each.path.name for each in plan.pending] == ["b.jpg"]


def test_skipped_files_are_tried_again_by_another_decoder() -> None:
    then = known(skips={"a.heic": "damaged", "notes.txt": ""})
    now = Known(then.stamps, then.skips, then.mounts, decoder="v2")
    plan = make_plan([file("a.heic"), file("notes.txt")], [ROOT], now)
    assert len(plan.pending) == 2
    assert plan.report.skipped == ()


def test_a_path_that_is_listed_twice_is_opened_once() -> None:
    plan = make_plan([file("a"), file("a", size=11)], [ROOT], known())
    assert len(plan.pending) == 1


def test_a_name_that_is_not_utf8_is_skipped_with_its_remedy() -> None:
    plan = make_plan([file("caf\udce9.jpg")], [ROOT], known())
    assert plan.pending == ()
    assert plan.report.skipped[0].reason == "its name is not valid UTF-8: rename the file"


def test_what_was_not_listed_is_missing_and_other_folders_are_not() -> None:
    base = known("a", "sub/b", skips={"old.jpg": "damaged", "kept.jpg": "damaged"})
    stamps = dict(base.stamps) | {"/photos2/c": Stamp(9, 10, 20), "/d": Stamp(10, 10, 20)}
    all_known = Known(stamps, base.skips, (), "v1")
    plan = make_plan([file("a"), file("kept.jpg")], [ROOT], all_known)
    missing = find_missing(plan, all_known)
    assert missing.photo_ids == (2,)
    assert missing.skips == (str(ROOT / "old.jpg"),)


def test_what_cannot_be_listed_is_kept_and_told() -> None:
    all_known = known("a", "sub/b", "sub/deep/c", "submarine", skips={"sub/x.jpg": "damaged"})
    denied = Unseen(ROOT / "sub", "permission denied")
    plan = make_plan([file("a"), denied], [ROOT], all_known)
    missing = find_missing(plan, all_known)
    assert missing.photo_ids == (4,)
    assert missing.skips == ()
    assert (missing.report.kept, missing.report.unseen) == (2, (denied,))


def test_an_empty_folder_is_told_of_only_if_photos_came_from_it() -> None:
    empty = Unseen(ROOT, "is empty", empty=True)
    plan = make_plan([empty], [ROOT], known())
    assert find_missing(plan, known()).report.unseen == ()
    plan = make_plan([empty], [ROOT], known("a"))
    missing = find_missing(plan, known("a"))
    assert (missing.photo_ids, missing.report.kept, missing.report.unseen) == ((), 1, (empty,))


def test_a_mount_point_without_its_disk_keeps_its_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    all_known = known("a", "disk/b", mounts=("/", "/photos/disk", "/elsewhere"))
    mounted: set[str] = {"/", "/photos/disk"}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in mounted)
    plan = make_plan([file("a")], [ROOT], all_known)
    assert find_missing(plan, all_known).photo_ids == (2,)
    mounted.remove("/photos/disk")
    plan = make_plan([file("a")], [ROOT], all_known)
    missing = find_missing(plan, all_known)
    assert missing.photo_ids == ()
    assert [str(each.path) for each in missing.report.unseen] == ["/photos/disk"]


def test_the_mount_points_above_files_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in {"/", "/photos/disk"})
    files = [file("disk/2026/b"), file("disk/2026/c"), file("a")]
    assert mounts_above(files) == {"/", "/photos/disk"}
    assert mounts_above([]) == set()


def test_a_file_is_gone_only_where_that_is_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.write_text("")
    mount = str(tmp_path)
    assert not is_gone(str(here), ())
    assert is_gone(str(tmp_path / "gone"), ())
    assert is_gone(str(here / "beneath a file"), ())
    assert not is_gone(str(tmp_path / "gone"), (mount,))  # not a mount point now
    monkeypatch.setattr(os.path, "ismount", lambda path: path == mount)
    assert is_gone(str(tmp_path / "gone"), (mount,))

    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.lstat", denied)
    assert not is_gone(str(tmp_path / "gone"), ())


def test_within_a_folder_is_not_beside_it() -> None:
    assert is_within("/a/b", {"/a"})
    assert is_within("/a", {"/a"})
    assert is_within("/a/b/c.jpg", {"/x", "/a/b"})
    assert is_within("/a", {"/"})
    assert not is_within("/ab", {"/a"})
    assert not is_within("/a", {"/a/b"})
    assert not is_within("/a", set())
