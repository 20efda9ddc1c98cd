from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.fusion import Evidence, Spread, fuse, log_odds

NONE = float("nan")
DEVIATIONS = st.floats(-5, 8)
ITEMS = st.tuples(DEVIATIONS, DEVIATIONS | st.just(NONE), st.floats(0, 1))


def evidence(*items: tuple[float, float, float], nats: float = 10.0) -> Evidence:
    image, caption, words = np.array(items, np.float64).reshape(-1, 3).T
    return Evidence(np.arange(1, len(image) + 1), image, caption, words, nats)


@given(st.lists(ITEMS, min_size=1, max_size=20), st.randoms())
def test_the_order_depends_on_the_evidence_alone(
    items: list[tuple[float, float, float]], random: object
) -> None:
    found = evidence(*items)
    mixed = list(range(len(items)))
    random.shuffle(mixed)
    again = Evidence(
        found.ids[mixed], found.image[mixed], found.caption[mixed], found.words[mixed], found.nats
    )
    order = fuse(found)
    assert fuse(again) == order
    assert sorted(order) == list(range(1, len(items) + 1))
    odds = dict(zip(found.ids.tolist(), log_odds(found).tolist(), strict=True))
    assert order == sorted(odds, key=lambda each: (-odds[each], each))


@given(ITEMS, st.integers(0, 2), st.floats(0.01, 3))
def test_more_evidence_never_counts_against_a_photo(
    item: tuple[float, float, float], which: int, more: float
) -> None:
    better = list(item)
    better[which] = min(1, better[2] + more) if which == 2 else better[which] + more
    less, greater = log_odds(evidence(item, tuple(better)))
    assert greater >= less


def test_a_photo_without_captions_stands_by_its_looks() -> None:
    # as good as its looks, though every other photo is captioned: with nothing of what is asked
    others = [(1.0, 0.5, 0.0)] * 50
    assert fuse(evidence(*others, (3.5, NONE, 0.0)))[0] == 51


def test_a_caption_that_tells_beats_looks_alone_and_one_that_does_not_costs_little() -> None:
    assert fuse(evidence((3.5, NONE, 0.0), (1.0, 4.5, 0.5))) == [2, 1]
    assert fuse(evidence((3.0, NONE, 0.0), (3.6, -1.0, 0.0))) == [2, 1]  # `Summer 2019`


def test_a_name_typed_as_it_is_beats_what_looks_like_it_in_a_large_library() -> None:
    rare = np.log(100_000)
    assert fuse(evidence((4.3, NONE, 0.0), (0.0, NONE, 1.0), nats=rare)) == [2, 1]
    assert fuse(evidence((4.3, NONE, 0.0), (0.0, NONE, 0.5), nats=rare)) == [1, 2]


def test_equals_stand_by_id() -> None:
    assert fuse(evidence(*[(1.0, NONE, 0.0)] * 4)) == [1, 2, 3, 4]
    assert fuse(evidence()) == []


def test_cosines_that_are_all_the_same_do_not_deviate() -> None:
    assert Spread(0.2, 0.0).standardized(np.array([0.2])).tolist() == [0]
    assert Spread(0.1, 0.05).standardized(np.array([0.2])) == pytest.approx([2])
