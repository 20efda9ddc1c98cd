from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from indexer.discover import SYSTEM_FOLDERS, discover
from indexer.errors import PathNotFoundError, UsageError
from indexer.records import PhotoFile, Unseen

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs POSIX links and names")


def touch(root: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def paths(root: Path, *roots: Path, exclude: tuple[str, ...] = ()) -> list[str]:
    found = discover(roots or [root], exclude=exclude)
    return [str(item.path.relative_to(root)) for item in found if isinstance(item, PhotoFile)]


def unseen(*roots: Path) -> list[Unseen]:
    return [item for item in discover(roots) if isinstance(item, Unseen)]


def test_files_of_every_name_are_listed_with_size_and_time(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b", "c.pdf", content=b"four")
    found = [item for item in discover([tmp_path]) if isinstance(item, PhotoFile)]
    assert [item.path.name for item in found] == ["a.jpg", "b", "c.pdf"]
    assert all(item.path.is_absolute() and item.size == 4 for item in found)
    assert found[0].mtime_ns == (tmp_path / "a.jpg").stat().st_mtime_ns


def test_a_folders_own_files_come_sorted_before_its_folders(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "z.jpg", "a/2.jpg", "a/1.jpg", "c/d/1.jpg", "c/1.jpg")
    assert paths(tmp_path) == ["b.jpg", "z.jpg", "a/1.jpg", "a/2.jpg", "c/1.jpg", "c/d/1.jpg"]


def test_listing_is_lazy(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b/c.jpg")
    listing = discover([tmp_path])
    next(listing)
    (tmp_path / "b/c.jpg").unlink()
    assert list(listing) == []


def test_relative_roots_give_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "in/a.jpg")
    monkeypatch.chdir(tmp_path / "in")
    assert paths(tmp_path, Path("../in")) == ["in/a.jpg"]


def test_a_missing_root_is_an_error_before_anything_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    with pytest.raises(PathNotFoundError, match=r"nothing at .*gone\. Check its spelling"):
        discover([tmp_path, tmp_path / "gone"])


@posix_only
def test_a_root_that_is_neither_file_nor_folder_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may be only 108 bytes long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(UsageError, match="neither a file nor a folder"):
            discover([Path("s")])


def test_hidden_and_system_entries_are_left_out(tmp_path: Path) -> None:
    touch(
        tmp_path, ".a.jpg", ".thumbs/b.jpg", "c.jpg", *(f"{each}/d.jpg" for each in SYSTEM_FOLDERS)
    )
    assert paths(tmp_path) == ["c.jpg"]


def test_a_hidden_root_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, ".photos/a.jpg", ".photos/.b/c.jpg", ".d.jpg")
    assert paths(tmp_path, tmp_path / ".photos", tmp_path / ".d.jpg") == [".photos/a.jpg", ".d.jpg"]


def test_a_file_root_is_listed_with_its_sidecars(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.txt", "b.jpg")
    [photo] = discover([tmp_path / "a.jpg"])
    assert isinstance(photo, PhotoFile)
    assert [side.path.name for side in photo.sidecars] == ["a.txt"]


def test_roots_from_a_shells_star_keep_sidecars_apart(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.jpg.txt", "b.txt")
    assert paths(tmp_path, *tmp_path.iterdir()) == ["a.jpg", "b.txt"]


def test_sidecars_travel_with_their_photo_and_are_not_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.jpg.txt", "a.txt", "b.jpg", "notes.txt", "c/a.txt")
    listed = [item for item in discover([tmp_path]) if isinstance(item, PhotoFile)]
    found = {item.path.name: [side.path.name for side in item.sidecars] for item in listed}
    assert found == {"a.jpg": ["a.jpg.txt", "a.txt"], "b.jpg": [], "notes.txt": []} | {"a.txt": []}
    assert next(item for item in listed if item.sidecars).sidecars[0].size == 1


def test_an_ignored_photos_sidecar_is_not_taken_for_a_photo(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.txt", "b.png")
    assert paths(tmp_path, exclude=("*.jpg",)) == ["b.png"]


def test_exclude_follows_gitignores_rules_relative_to_each_root(tmp_path: Path) -> None:
    touch(tmp_path, "one/top.jpg", "one/in/top.jpg", "two/top.jpg", "two/raw/a.jpg", "two/b.png")
    roots = (tmp_path / "one", tmp_path / "two")
    found = paths(tmp_path, *roots, exclude=("/top.jpg", "raw/", "*.png"))
    assert found == ["one/in/top.jpg"]


def test_a_malformed_exclude_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="malformed pattern"):
        discover([tmp_path], exclude=["!"])


def test_deeper_ignore_files_override_shallower_ones(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a.jpg", "in/a.png", "in/a.jpg", "in/deep/a.png", "in/deep/b.jpg")
    (tmp_path / ".sightseekignore").write_text("# screenshots\n*.png\n")
    (tmp_path / "in/.sightseekignore").write_text("!*.png\n/a.jpg\n")
    assert paths(tmp_path) == ["a.jpg", "in/a.png", "in/deep/a.png", "in/deep/b.jpg"]


def test_only_what_a_whitelist_names_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a.jpg", "in/a.png", "in/a.jpg")
    (tmp_path / ".sightseekignore").write_text("*\n!*/\n!*.jpg\n")
    assert paths(tmp_path) == ["a.jpg", "in/a.jpg"]


def test_an_ignored_folder_is_not_entered(tmp_path: Path) -> None:
    touch(tmp_path, "private/a.jpg", "b.jpg")
    (tmp_path / ".sightseekignore").write_text("private/\n!private/a.jpg\n")
    (tmp_path / "private/.sightseekignore").write_text("!a.jpg\n")
    assert paths(tmp_path) == ["b.jpg"]


def test_exclude_wins_over_ignore_files(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / ".sightseekignore").write_text("a.jpg\n!b.jpg\n")
    assert paths(tmp_path, exclude=("b.jpg", "!a.jpg")) == ["a.jpg"]


def test_a_malformed_ignore_file_keeps_its_folder_closed(tmp_path: Path) -> None:
    touch(tmp_path, "private/a.jpg", "b.jpg")
    (tmp_path / "private/.sightseekignore").write_text("!\n")
    assert paths(tmp_path) == ["b.jpg"]
    [note] = unseen(tmp_path)
    assert note.path == tmp_path / "private"
    assert note.reason.startswith("its .sightseekignore cannot be read: ")


@posix_only
def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/1.jpg")
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "a/self").symlink_to("self")
    (tmp_path / "a/here").symlink_to(".")
    assert paths(tmp_path) == ["a/b/1.jpg"]


@posix_only
def test_a_linked_photo_goes_by_its_real_path_inside_the_roots(tmp_path: Path) -> None:
    touch(tmp_path, "z/1.jpg")
    (tmp_path / "a").symlink_to("z")
    (tmp_path / "b.jpg").symlink_to("z/1.jpg")
    assert paths(tmp_path) == ["z/1.jpg"]
    assert paths(tmp_path, tmp_path / "a", tmp_path / "z") == ["z/1.jpg"]


@posix_only
def test_links_out_of_the_roots_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "out/1.jpg", "out/1.txt", "alone.jpg", "root/0.jpg")
    (tmp_path / "root/x").symlink_to(tmp_path / "out")
    (tmp_path / "root/y").symlink_to(tmp_path / "out")
    (tmp_path / "root/m.jpg").symlink_to(tmp_path / "alone.jpg")
    (tmp_path / "root/n.jpg").symlink_to(tmp_path / "alone.jpg")
    assert paths(tmp_path, tmp_path / "root") == ["root/0.jpg", "root/x/1.jpg", "root/m.jpg"]


@posix_only
def test_an_ignored_link_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "out/1.jpg", "root/0.jpg")
    (tmp_path / "root/x").symlink_to(tmp_path / "out")
    assert paths(tmp_path, tmp_path / "root", exclude=("x/",)) == ["root/0.jpg"]


@posix_only
def test_a_dangling_link_gives_no_photo_but_says_what_may_be_missing(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / "disk").symlink_to(tmp_path / "gone")
    assert paths(tmp_path) == ["a.jpg"]
    assert [(note.path.name, note.empty) for note in unseen(tmp_path)] == [("disk", True)]


def test_overlapping_roots_list_a_file_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "a/b/2.jpg")
    roots = (tmp_path / "a/b", tmp_path / "a", tmp_path / "a", tmp_path / "a/1.jpg")
    assert sorted(paths(tmp_path, *roots)) == ["a/1.jpg", "a/b/2.jpg"]


@posix_only
def test_hard_links_are_two_photos(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.link(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert paths(tmp_path) == ["a.jpg", "b.jpg"]


def test_an_empty_root_is_reported(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert unseen(tmp_path) == []
    assert unseen(tmp_path / "in") == [
        Unseen(tmp_path / "in", "is empty: is a disk not mounted?", empty=True)
    ]


def test_a_folder_that_cannot_be_listed_is_reported_and_the_walk_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/1.jpg", "b/2.jpg", "c/3.jpg")
    scandir = os.scandir

    def refuse(path: str) -> Any:  # root may read every folder, so permissions cannot show this
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert paths(tmp_path) == ["a/1.jpg", "c/3.jpg"]
    assert unseen(tmp_path) == [Unseen(tmp_path / "b", "permission denied")]


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_name_that_is_not_utf8_is_listed(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    touch(tmp_path, name)
    (tmp_path / ".sightseekignore").write_text("*.png\n")
    assert paths(tmp_path) == [name]
