from __future__ import annotations

from pathlib import Path

from indexer.training.collection import Collection, Said, TrainingPhoto
from indexer.training.last_layers import ClassName
from indexer.training.lessons import Lessons

PHOTOS = tuple(TrainingPhoto(Path(f"{n}.jpg"), bytes([n]), "any") for n in range(4))
SAID = (
    Said(0, "two dogs run", "en", "caption"),
    Said(0, "dogs on grass", "en", "caption"),
    Said(0, "两只狗", "zh", "caption"),
    Said(1, "a cat sleeps", "en", "caption"),
    Said(1, "cat", "en", "label"),
    Said(2, "cat", "en", "label"),
    Said(3, "rare", "en", "label"),
)
CLASSES = (ClassName(7, "en", "tabby"), ClassName(7, "zh", "虎斑猫"), ClassName(7, "fr", "chat"))
LESSONS = Lessons.of(Collection(PHOTOS, SAID, {"cat": {"zh": "猫"}}), CLASSES)


def texts(rows: tuple[int, ...]) -> list[str]:
    return [LESSONS.texts[row] for row in rows]


def test_every_text_is_there_once() -> None:
    assert len(set(LESSONS.texts)) == len(LESSONS.texts)
    assert set(LESSONS.texts) >= {"cat", "a photo of a cat", "一张猫的照片。", "虎斑猫", "chat"}
    assert "a photo of a chat" not in LESSONS.texts  # no template in a language without one


def test_captions_go_with_their_photo_by_language() -> None:
    (dogs,) = LESSONS.captioned({0}, None)
    assert texts(dogs.texts["en"]) == ["two dogs run", "dogs on grass"]
    assert texts(dogs.texts["zh"]) == ["两只狗"]
    (english,) = LESSONS.captioned({0}, {"en"})
    assert set(english.texts) == {"en"}


def test_photos_of_one_label_are_one_group_and_others_are_not() -> None:
    first, second, rare = LESSONS.labelled({1, 2, 3}, None)
    assert first.group == second.group != rare.group
    assert texts(first.texts["zh"]) == ["猫", "一张猫的照片。"]
    assert set(rare.texts) == {"en"}


def test_no_group_of_one_kind_is_one_of_another() -> None:
    groups = [
        {each.group for each in kind}
        for kind in (
            LESSONS.captioned({0, 1, 2, 3}, None),
            LESSONS.labelled({0, 1, 2, 3}, None),
            LESSONS.named_classes(None),
        )
    ]
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_classes_have_all_their_names() -> None:
    (tabby,) = LESSONS.named_classes(None)
    assert tabby.photo == 7
    assert set(tabby.texts) == {"en", "zh", "fr"}
    (english,) = LESSONS.named_classes({"en"})
    assert texts(english.texts["en"]) == ["tabby", "a photo of a tabby"]
