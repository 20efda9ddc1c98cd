from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import TrainingError
from indexer.training.material import BatchSizes, Described, Material, batches, pairs

PHOTOS = np.arange(30, dtype=np.float32)[:, None]  # photo i is the number i
TEXTS = np.arange(100, dtype=np.float32)[:, None]


def captions(count: int = 30, *, languages: int = 1) -> list[Described]:
    """Photo i has the texts 2i and 2i + 1 in English, and 60 + i in Chinese."""
    return [
        Described(
            i, {"en": (2 * i, 2 * i + 1), "zh": (60 + i,)} if languages == 2 else {"en": (2 * i,)},
            group=i, kind="caption",
        )
        for i in range(count)
    ]  # fmt: skip


def label(photo: int, text: int) -> Described:
    return Described(photo, {"en": (text,)}, group=-text, kind="label")


def imagine(classes: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return -1.0 - classes[:, None].astype(np.float32)


def named(number: int, text: int) -> Described:
    return Described(number, {"en": (text,)}, group=-text, kind="class")


def test_a_captioned_photo_counts_one_in_each_language() -> None:
    english, chinese = pairs(Material([PHOTOS], TEXTS, captions(languages=2)), seed=0)
    assert len(english.weights) == 60
    assert len(chinese.weights) == 30
    for kind in (english, chinese):
        np.testing.assert_allclose(np.bincount(kind.photo_of, kind.weights), np.ones(30))
    np.testing.assert_array_equal(english.text_of[:4], [0, 1, 2, 3])
    np.testing.assert_array_equal(chinese.text_of[:2], [60, 61])


def test_names_weigh_little_beside_captions() -> None:
    material = Material(
        [PHOTOS], TEXTS, captions(3), [label(7, 90)], [named(4, 91), named(2, 92)], imagine
    )
    captioned, labelled, classes = pairs(material, seed=0)
    assert captioned.weights.sum() == 3
    np.testing.assert_allclose(labelled.weights, 0.05)
    np.testing.assert_allclose(classes.weights, 0.2)
    np.testing.assert_array_equal(classes.photos[classes.photo_of, 0], [-5, -3])
    np.testing.assert_array_equal(classes.text_of, [91, 92])


def test_the_views_of_a_photo_share_its_weight() -> None:
    views = [PHOTOS, PHOTOS + 0.5]
    kinds = pairs(Material(views, TEXTS, captions()), seed=0)
    assert len(kinds) == 2
    for kind, view in zip(kinds, views, strict=True):
        np.testing.assert_array_equal(kind.photos, view)
        np.testing.assert_allclose(kind.weights, 0.5)


def test_classes_teach_nothing_where_no_photo_of_them_can_be_made() -> None:
    material = Material([PHOTOS], TEXTS, captions(3), classes=[named(4, 91)])
    assert len(pairs(material, seed=0)) == 1
    assert (next(batches(material, seed=0)).texts < 91).all()


def test_a_photo_or_language_without_texts_teaches_nothing() -> None:
    bare = [Described(1, {}, 1, "caption"), Described(2, {"en": (), "zh": (5,)}, 2, "caption")]
    material = Material([PHOTOS], TEXTS, bare, [Described(3, {"en": ()}, 3, "label")])
    (kind,) = pairs(material, seed=0)
    np.testing.assert_array_equal((kind.photo_of, kind.text_of), [[2], [5]])
    batch = next(batches(material, seed=0))
    np.testing.assert_array_equal(batch.photos, [[2]])
    np.testing.assert_array_equal(batch.texts, [[5]])


def test_material_without_any_text_is_refused() -> None:
    with pytest.raises(TrainingError, match="No photo has a text"):
        next(batches(Material([PHOTOS], TEXTS, []), seed=0))


def test_a_batch_shows_a_captioned_photo_once_for_each_language() -> None:
    batch = next(batches(Material([PHOTOS], TEXTS, captions(languages=2)), seed=0))
    assert len(batch.photos) == len(batch.texts) == 60
    photos, texts = batch.photos[:, 0], batch.texts[:, 0]
    assert all(
        text in {2 * photo, 2 * photo + 1, 60 + photo}
        for photo, text in zip(photos, texts, strict=True)
    )
    np.testing.assert_array_equal(batch.positives, photos[:, None] == photos)


def test_the_same_words_are_right_for_every_photo_they_were_said_of() -> None:
    beach = [Described(i, {"en": (7,)}, group=i, kind="caption") for i in range(3)]
    other = [Described(5, {"en": (8,)}, group=5, kind="caption")]
    batch = next(batches(Material([PHOTOS], TEXTS, [*beach, *other]), seed=0))
    same = batch.texts[:, 0] == 7
    np.testing.assert_array_equal(batch.positives, same[:, None] == same)


def test_labels_of_one_group_are_positives_of_each_other() -> None:
    cats = [Described(i, {"en": (90 + i,)}, group=-1, kind="label") for i in range(3)]
    batch = next(batches(Material([PHOTOS], TEXTS, [], cats), seed=0))
    assert batch.positives.all()


@given(captioned=st.integers(0, 40), labelled=st.integers(0, 5), classes=st.integers(0, 5))
def test_a_batch_holds_no_more_than_asked_nor_than_there_is(
    captioned: int, labelled: int, classes: int
) -> None:
    material = Material(
        [PHOTOS], TEXTS, captions(), [label(i, 70 + i) for i in range(3)],
        [named(i, 80 + i) for i in range(2)], imagine,
    )  # fmt: skip
    sizes = BatchSizes(max(1, captioned), labelled, classes)
    batch = next(batches(material, seed=0, sizes=sizes))
    expected = min(sizes.captioned, 30) + min(labelled, 3) + min(classes, 2)
    assert len(batch.photos) == len(batch.texts) == len(batch.positives) == expected
    assert (batch.photos[:, 0] < 0).sum() == min(classes, 2)
    assert batch.photos.dtype == batch.texts.dtype == np.float32


def test_batches_draw_all_views_and_all_captions() -> None:
    material = Material([PHOTOS, PHOTOS + 0.25, PHOTOS + 0.5], TEXTS, captions(languages=2))
    drawn = list(islice(batches(material, seed=0), 20))
    assert {round(float(x), 2) for batch in drawn for x in batch.photos[:, 0] % 1} == {0, 0.25, 0.5}
    assert {float(x) for batch in drawn for x in batch.texts[:, 0]} == set(range(90))


def test_one_seed_draws_the_same_batches() -> None:
    material = Material([PHOTOS], TEXTS, captions(languages=2), [], [named(1, 95)], imagine)
    for one, other in islice(
        zip(batches(material, seed=3), batches(material, seed=3), strict=False), 3
    ):
        np.testing.assert_array_equal(one.photos, other.photos)
        np.testing.assert_array_equal(one.texts, other.texts)
