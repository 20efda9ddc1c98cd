from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.captions.matching import Match, PhotoNames, has_photo_suffix

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path("/photos")
CAPTIONS = Path("/elsewhere/captions.csv")


def match(
    image: str,
    photos: list[str],
    *,
    roots: tuple[str, ...] = ("/photos",),
    captions: Path = CAPTIONS,
) -> list[str]:
    """The paths of the photos that `image` matches."""
    names = PhotoNames(
        ((number, Path(path)) for number, path in enumerate(photos)), roots=[Path(r) for r in roots]
    )
    return [photos[number] for number in names.match(image, captions_file=captions).photo_ids]


# order


def test_an_absolute_path_matches_its_photo_alone() -> None:
    photos = ["/photos/a.jpg", "/photos/b/a.jpg"]
    assert match("/photos/b/a.jpg", photos) == ["/photos/b/a.jpg"]
    assert match("/other/a.jpg", photos) == []


def test_the_captions_folder_comes_before_the_roots() -> None:
    photos = ["/photos/a.jpg", "/elsewhere/a.jpg"]
    assert match("a.jpg", photos) == ["/elsewhere/a.jpg"]
    assert match("../photos/a.jpg", photos) == ["/photos/a.jpg"]


def test_a_path_from_a_root_comes_before_names_further_down() -> None:
    assert match("a.jpg", ["/photos/b/a.jpg", "/photos/a.jpg"]) == ["/photos/a.jpg"]
    assert match("b/a.jpg", ["/photos/c/b/a.jpg", "/photos/b/a.jpg"]) == ["/photos/b/a.jpg"]


def test_a_path_from_several_roots_is_ambiguous() -> None:
    photos = ["/photos/a.jpg", "/more/a.jpg"]
    assert match("a.jpg", photos, roots=("/photos", "/more")) == ["/more/a.jpg", "/photos/a.jpg"]


def test_one_photo_beneath_nested_roots_is_one_match() -> None:
    photos = ["/photos/b/b/a.jpg"]
    assert match("b/a.jpg", photos, roots=("/photos", "/photos/b")) == photos


def test_a_name_beneath_the_roots_comes_before_the_same_name_elsewhere() -> None:
    photos = ["/old/x/a.jpg", "/photos/x/y/a.jpg"]
    assert match("a.jpg", photos) == ["/photos/x/y/a.jpg"]
    assert match("a.jpg", photos, roots=("/none",)) == photos
    assert match("a.jpg", photos[:1]) == ["/old/x/a.jpg"]


def test_a_root_may_be_a_single_photo() -> None:
    photos = ["/photos/a.jpg", "/photos/b/a.jpg"]
    assert match("a.jpg", photos, roots=("/photos/b/a.jpg",)) == ["/photos/b/a.jpg"]


def test_the_root_of_the_file_system_may_be_indexed() -> None:
    assert match("photos/a.jpg", ["/photos/a.jpg", "/x/photos/a.jpg"], roots=("/",)) == [
        "/photos/a.jpg"
    ]


def test_folders_match_the_end_of_one_path() -> None:
    photos = ["/photos/set/train/0001.jpg", "/photos/set/val/0001.jpg"]
    assert match("train/0001.jpg", photos) == ["/photos/set/train/0001.jpg"]
    assert match("rain/0001.jpg", photos) == []  # whole components only


def test_folders_at_the_end_of_several_paths_are_ambiguous() -> None:
    photos = ["/photos/a/train/0001.jpg", "/photos/b/train/0001.jpg"]
    assert match("train/0001.jpg", photos) == photos


@pytest.mark.parametrize(
    "image", ["test/0001.jpg", "../0001.jpg", "/0001.jpg", "C:\\x\\0001.jpg", "http://x/0001.jpg"]
)
def test_a_name_that_gives_folders_never_matches_in_others(image: str) -> None:
    assert match(image, ["/photos/train/0001.jpg"]) == []


def test_a_bare_name_of_several_photos_is_ambiguous() -> None:
    photos = ["/photos/x/a.jpg", "/photos/y/a.jpg", "/old/a.jpg"]
    assert match("a.jpg", photos) == photos[:2]


@pytest.mark.parametrize("image", ["", " ", ".", "..", "/", "./", "\\", "~/", "#", "\0"])
def test_a_name_of_nothing_matches_nothing(image: str) -> None:
    assert match(image, ["/photos/a.jpg"]) == []


# names without suffixes


def test_a_name_without_a_suffix_matches_a_unique_stem() -> None:
    photos = ["/photos/1000268201_693b08cb0e.jpg", "/photos/v1.2/b.CR3"]
    assert match("1000268201_693b08cb0e", photos) == photos[:1]
    assert match("photos/1000268201_693b08cb0e", photos) == photos[:1]
    assert match("/photos/1000268201_693b08cb0e", photos) == photos[:1]
    assert match("v1.2/b", photos) == photos[1:]


def test_a_stem_of_several_photos_is_ambiguous() -> None:
    photos = ["/photos/a.jpg", "/photos/a.CR2"]
    assert match("a", photos) == photos


def test_a_name_comes_before_a_stem() -> None:
    assert match("a", ["/photos/a.jpg", "/old/x/a"]) == ["/old/x/a"]


def test_a_name_with_a_suffix_stands_for_no_other() -> None:
    assert match("a.png", ["/photos/a.jpg", "/photos/a.png.jpg"]) == []
    assert match("a.v2", ["/photos/a.v2.jpg"]) == ["/photos/a.v2.jpg"]


def test_suffixes_are_known_in_any_case() -> None:
    assert all(map(has_photo_suffix, ["a.jpg", "b.JPEG", "c.heic", "d.Tif", "e.DNG", "f.jpe"]))
    assert not any(map(has_photo_suffix, ["a", "b.txt", "jpg", "c.jpg.1", "d.v2"]))


# forms of a name


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_unicode_forms_of_a_name_are_one_name(
    written: Literal["NFC", "NFD"], stored: Literal["NFC", "NFD"]
) -> None:
    path = "/photos/Café/Ångström 東京.jpg"
    photos = [unicodedata.normalize(stored, path)]
    for image in (path, "Café/Ångström 東京.jpg", "Ångström 東京.jpg", "Ångström 東京"):
        assert match(unicodedata.normalize(written, image), photos) == photos


@pytest.mark.parametrize(
    "image",
    [
        *("b\\a.jpg", "./b/a.jpg", " b/a.jpg\t", "b//a.jpg", "x/../b/./a.jpg", ".\\b\\a.jpg"),
        *("b/a.jpg", "/photos//b/../b/a.jpg", "\\photos\\b\\a.jpg"),
    ],
)
def test_separators_dots_and_spaces_do_not_matter(image: str) -> None:
    assert match(image, ["/photos/b/a.jpg", "/photos/a.jpg"]) == ["/photos/b/a.jpg"]


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    photos = ["/home/ada/a.jpg", "/photos/~/a.jpg", "/photos/~b.jpg"]
    assert match("~/a.jpg", photos) == photos[:1]
    assert match("~b.jpg", photos) == photos[2:]


def test_dots_in_folders_of_a_run_do_not_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    photo = str(tmp_path / "b" / "a.jpg")
    assert match("a.jpg", [photo, "/old/a.jpg"], roots=("x/../b",)) == [photo]
    captions = Path("b/captions.csv")
    assert match("a.jpg", [photo, "/old/a.jpg"], roots=(), captions=captions) == [photo]


def test_two_photos_of_one_normalised_path_are_ambiguous() -> None:
    photos = ["/photos/caf\u00e9.jpg", "/photos/cafe\u0301.jpg"]
    assert match("caf\u00e9.jpg", photos) == photos


def test_no_file_is_opened_or_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert match(f"{tmp_path}/link/a.jpg", [f"{tmp_path}/real/a.jpg"]) == []


# matches


def test_a_match_tells_none_one_and_several_apart() -> None:
    assert (Match().photo_id, Match().is_ambiguous) == (None, False)
    assert (Match((7,)).photo_id, Match((7,)).is_ambiguous) == (7, False)
    assert (Match((7, 8)).photo_id, Match((7, 8)).is_ambiguous) == (None, True)


component = st.sampled_from(["a", "b", "é", "e\u0301", "c d", "x.jpg", "y.png", "..."])
relative = st.lists(component, min_size=1, max_size=4).map("/".join)
photo_paths = st.lists(relative.filter(lambda path: path != "a"), unique=True, max_size=12)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(photo_paths, relative)
def test_a_match_is_what_a_search_of_every_path_finds(paths: list[str], image: str) -> None:
    def nfc(text: str) -> str:
        return unicodedata.normalize("NFC", text)

    photos = [f"/{path}" for path in paths]
    roots, root = ("/a",), "/a/"

    def stem(path: str) -> str:
        return path.removesuffix(".jpg").removesuffix(".png")

    def by_all_rules(form: Callable[[str], str]) -> list[str]:
        for candidates in (
            [p for p in photos if form(nfc(p)) == nfc(f"{root}{image}")],
            [p for p in photos if p.startswith(root) and form(nfc(p)).endswith(nfc(f"/{image}"))],
            [p for p in photos if form(nfc(p)).endswith(nfc(f"/{image}"))],
        ):
            if candidates:
                return candidates
        return []

    found = by_all_rules(str)
    if not found and not image.endswith((".jpg", ".png")):
        found = by_all_rules(stem)
    assert match(image, photos, roots=roots) == found


@pytest.mark.skipif(os.name == "nt", reason="Windows names have no case")
def test_case_is_part_of_a_name() -> None:
    assert match("A.jpg", ["/photos/a.jpg"]) == []


def test_a_million_rows_of_one_name_share_their_match() -> None:
    names = PhotoNames(((n, ROOT / str(n) / "a.jpg") for n in range(1_000)), roots=[ROOT])
    first, again = (names.match("a.jpg", captions_file=CAPTIONS) for _ in range(2))
    assert len(first.photo_ids) == 1_000
    assert first.photo_ids is again.photo_ids
