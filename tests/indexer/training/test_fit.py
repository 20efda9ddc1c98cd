from __future__ import annotations

from pathlib import Path

from indexer.training.collection import Collection, Said, TrainingPhoto
from indexer.training.fit import tasks
from indexer.training.lessons import Lessons

PHOTOS = tuple(
    TrainingPhoto(Path(f"{number}.jpg"), bytes([number]), "pets" if number < 4 else "cars")
    for number in range(6)
)
SAID = (
    *(Said(number, f"pet {number}", "en", "caption") for number in range(4)),
    Said(1, "宠物", "zh", "caption"),
    Said(4, "the only car", "en", "caption"),
    Said(5, "car", "en", "label"),
)
LESSONS = Lessons.of(Collection(PHOTOS, SAID, {}), ())


def test_captions_are_asked_within_their_collection_and_language() -> None:
    english, chinese = tasks(LESSONS, {0, 1}, {0, 1, 2, 4, 5})
    assert (english.collection, english.language, english.photos) == ("pets", "en", (0, 1, 2))
    assert [LESSONS.texts[row] for row in english.texts] == ["pet 0", "pet 1"]
    assert english.photo_of == (0, 1)
    assert (chinese.language, chinese.photo_of) == ("zh", (1,))


def test_what_cannot_be_told_from_anything_is_not_asked() -> None:
    assert not tasks(LESSONS, {4}, {4, 5})  # photo 5 has no caption


def test_no_photo_outside_the_gallery_is_shown() -> None:
    (task,) = tasks(LESSONS, {2}, {2, 3})
    assert task.photos == (2, 3)
