from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from indexer.errors import CaptionsError
from indexer.training.collection import (
    FEWEST_TOGETHER,
    TrainingPhoto,
    read_collection,
    split,
)
from indexer.training.tables import read_labels, read_names, read_sources

if TYPE_CHECKING:
    from pathlib import Path


def photo(folder: Path, name: str, level: int) -> Path:
    Image.new("RGB", (8, 8), (level, 0, 0)).save(folder / name)
    return folder / name


def numbered(count: int) -> list[TrainingPhoto]:
    return [TrainingPhoto(None, number.to_bytes(16), "any") for number in range(count)]  # type: ignore[arg-type]


def test_rows_find_their_photos_with_language_and_collection(tmp_path: Path) -> None:
    photo(tmp_path, "a.png", 1)
    photo(tmp_path, "b.png", 2)
    photo(tmp_path, "alone.png", 3)
    (tmp_path / "captions.csv").write_text(
        "image,caption,lang,source\na.png,a cat,en,pets\na.png,猫,zh,pets-zh\nb.png,a dog,,\n"
        "c.png,a bird,en,pets\n"
    )
    (tmp_path / "labels.csv").write_text("image,label\nb.png,dog\n")
    found = read_collection(
        [tmp_path], captions=[tmp_path / "captions.csv"], labels=[tmp_path / "labels.csv"]
    )
    assert [each.path.name for each in found.photos] == ["a.png", "b.png"]
    assert [each.collection for each in found.photos] == ["photos", "photos"]  # too few for more
    assert [(s.photo, s.text, s.language) for s in found.captions] == [
        (0, "a cat", "en"),
        (0, "猫", "zh"),
        (1, "a dog", "en"),
    ]
    assert [(s.photo, s.text) for s in found.labels] == [(1, "dog")]
    assert found.unmatched == ("c.png",)


def test_copies_of_a_photo_are_one(tmp_path: Path) -> None:
    photo(tmp_path, "a.png", 1)
    photo(tmp_path, "copy.png", 1)
    (tmp_path / "captions.csv").write_text("image,caption\na.png,a cat\ncopy.png,the cat\n")
    found = read_collection([tmp_path], captions=[tmp_path / "captions.csv"])
    assert len(found.photos) == 1
    assert {said.photo for said in found.captions} == {0}


def test_the_split_has_the_shares_that_it_states() -> None:
    counts = Counter(split(numbered(20_000), seed=0))
    assert counts["train"] / 20_000 == pytest.approx(0.70, abs=0.015)
    assert counts["validation"] / 20_000 == pytest.approx(0.15, abs=0.015)


def test_a_photo_stays_in_its_part_when_others_come() -> None:
    assert split(numbered(50), seed=3) == split(numbered(90), seed=3)[:50]


def test_another_seed_is_another_split() -> None:
    assert split(numbered(50), seed=3) != split(numbered(50), seed=4)


def test_names_need_their_columns(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("label,name\ndog,狗\n")
    with pytest.raises(CaptionsError, match="label,lang,name"):
        read_names(tmp_path / "names.csv")
    (tmp_path / "names.csv").write_text("label,lang,name\ndog,zh,狗\n", "utf-8")
    assert read_names(tmp_path / "names.csv") == {"dog": {"zh": "狗"}}


def test_labels_need_their_columns_and_values(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,caption\na.png,dog\n")
    with pytest.raises(CaptionsError, match="columns image,label"):
        list(read_labels(tmp_path / "labels.csv"))
    (tmp_path / "labels.csv").write_text("image,label\na.png,dog\nb.png,\n")
    with pytest.raises(CaptionsError, match="empty field in line 3"):
        list(read_labels(tmp_path / "labels.csv"))


def test_a_field_of_endless_length_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,label\na.png," + "x" * 200_000 + "\n")
    with pytest.raises(CaptionsError, match="is no CSV table"):
        list(read_labels(tmp_path / "labels.csv"))


def test_sources_did_not_ship_and_need_all_columns(tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text("part,origin,licence\nheads,pets,CC0\n")
    (source,) = read_sources(tmp_path / "sources.csv")
    assert not source.shipped
    (tmp_path / "sources.csv").write_text("part,origin,licence\nheads,pets\n")
    with pytest.raises(CaptionsError, match="empty field in line 2"):
        read_sources(tmp_path / "sources.csv")
    assert read_sources(None) == ()


def test_a_large_collection_keeps_its_name(tmp_path: Path) -> None:
    rows = ["image,caption,source"]
    for number in range(FEWEST_TOGETHER + 1):
        photo(tmp_path, f"{number}.png", number)
        rows.append(f"{number}.png,photo {number},{'rare' if number == 0 else 'large'}")
    (tmp_path / "captions.csv").write_text("\n".join(rows))
    found = read_collection([tmp_path], captions=[tmp_path / "captions.csv"])
    assert Counter(each.collection for each in found.photos) == {"large": 50, "photos": 1}


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        photo(tmp_path / folder, "same.png", 7)
    photo(tmp_path, "a.png", 1)
    (tmp_path / "empty.png").touch()
    (tmp_path / "captions.csv").write_text(
        "image,caption\na.png,a cat\nsame.png,which\nempty.png,nothing\ngone.png,gone\n"
    )
    found = read_collection([tmp_path], captions=[tmp_path / "captions.csv"])
    assert found.ambiguous == ("same.png",)
    assert found.unmatched == ("gone.png",)
    assert [(each.path.name, each.reason) for each in found.skipped] == [
        ("empty.png", "the file is empty")
    ]
