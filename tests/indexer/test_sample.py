from __future__ import annotations

import csv

from PIL import Image

from indexer.sample import sample_folder


def test_each_sample_photo_has_captions_and_each_caption_its_photo() -> None:
    folder = sample_folder()
    with (folder / "captions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {path.name for path in folder.glob("*.jpg")}
    assert all(row["caption"].strip() for row in rows)


def test_each_sample_photo_is_attributed() -> None:
    folder = sample_folder()
    attribution = (folder / "ATTRIBUTION.md").read_text("utf-8")
    for path in folder.glob("*.jpg"):
        assert path.name in attribution


def test_the_sample_photos_are_whole_and_small() -> None:
    paths = list(sample_folder().glob("*.jpg"))
    assert len(paths) >= 10
    for path in paths:
        with Image.open(path) as image:
            image.load()
    assert sum(path.stat().st_size for path in paths) < 3_000_000
