from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import UsageError
from search.evaluation.thresholds import Threshold, require_known, shortfalls

FIGURES = [
    ("text_to_image", "recall@10", 0.5),
    ("image_to_text", "recall@10", 0.75),
    ("text_to_image", "mrr", 0.25),
]
KNOWN = [(place, name) for place, name, _ in FIGURES]


def found(*texts: str) -> list[str]:
    return shortfalls([Threshold.parse(text) for text in texts], FIGURES)


def test_a_measure_falls_short_in_every_direction_unless_one_is_named() -> None:
    assert found("recall@10=0.8") == [
        "text_to_image recall@10 is 0.5000, under 0.8",
        "image_to_text recall@10 is 0.7500, under 0.8",
    ]
    assert found("image_to_text.recall@10=0.8") == ["image_to_text recall@10 is 0.7500, under 0.8"]
    assert found("image_to_text.recall@10=0.6", "mrr = .25") == []
    assert found("mrr=0.26", "recall@10=0.6") == [
        "text_to_image mrr is 0.2500, under 0.26",
        "text_to_image recall@10 is 0.5000, under 0.6",
    ]


def test_what_is_as_high_as_its_threshold_does_not_fall_short() -> None:
    assert found("text_to_image.recall@10=0.5", "mrr=0.25", "recall@10=0") == []


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_thresholds_are_read_as_numbers(least: int, value: int) -> None:
    threshold = Threshold.parse(f"text_to_image.mrr={least / 1000}")
    assert threshold == Threshold("text_to_image", "mrr", least / 1000)
    figures = [("text_to_image", "mrr", value / 1000)]
    assert bool(shortfalls([threshold], figures)) == (value < least)


@pytest.mark.parametrize(
    "text", ["", "mrr", "mrr=", "mrr=a", "mrr=-1", "=1", "a.b.c=1", "mrr=60", "mrr=nan", "mrr=1e-2"]
)
def test_what_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Threshold.parse(text)


@pytest.mark.parametrize("text", ["recall@3=0.1", "photos.mrr=0.1", "image_to_text.mrr=0.1"])
def test_a_measure_that_will_not_be_there_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"recall@10, mrr; .*text_to_image, image_to_text"):
        require_known([Threshold.parse(text)], KNOWN)
    require_known([Threshold.parse("mrr=0.1")], KNOWN)
