from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.training.captioned import CaptionedPhoto, read_photos, split

if TYPE_CHECKING:
    from pathlib import Path


def test_english_captions_are_grouped_by_photo(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text(
        "image,caption,lang,source\n"
        "b.jpg,a cat,en,one\n"
        "a.jpg,a dog,en,one\n"
        "a.jpg,一只狗,zh,one\n"
        'a.jpg,"a dog, asleep",en,one\n',
        "utf-8",
    )
    photos = read_photos(tmp_path)
    assert photos == [
        CaptionedPhoto(tmp_path / "images" / "a.jpg", "one", ("a dog", "a dog, asleep")),
        CaptionedPhoto(tmp_path / "images" / "b.jpg", "one", ("a cat",)),
    ]


def test_a_photo_stays_on_its_side_of_the_split(tmp_path: Path) -> None:
    photos = [CaptionedPhoto(tmp_path / f"{n}.jpg", "one", ("x",)) for n in range(400)]
    chosen, reported = split(photos)
    assert sorted(chosen + reported, key=photos.index) == photos
    assert 150 < len(chosen) < 250
    fewer, _ = split(photos[::3])
    assert fewer == [photo for photo in chosen if photo in photos[::3]]
