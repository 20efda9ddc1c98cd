from __future__ import annotations

import pytest

onnx = pytest.importorskip("onnx")

from indexer.encoders.manifest import IMAGE_TOWER, TEXT_TOWER, Agreement  # noqa: E402
from indexer.training.pack import Towers  # noqa: E402 (after the skip)
from indexer.training.verify import choose, is_good, spread  # noqa: E402

GOOD = Agreement(500, 0.997, 0.99, 0.9, -0.002)
PLAIN = Towers(onnx.ModelProto(), onnx.ModelProto(), "fp32", "fp32")
SMALL = Towers(onnx.ModelProto(), onnx.ModelProto(), "int8", "int4+int8")


@pytest.mark.parametrize(
    ("agreement", "good"),
    [
        (GOOD, True),
        (Agreement(500, 0.989, 0.985, 0.9, 0.0), False),  # on average too far
        (Agreement(500, 0.997, 0.979, 0.9, 0.0), False),  # one in a hundred too far
        (Agreement(500, 0.999, 0.999, 0.99, -0.006), False),  # finds fewer photos
        (Agreement(500, 0.999, 0.999, 0.99, 0.02), True),
    ],
)
def test_a_tower_may_be_small_where_nothing_that_matters_is_lost(
    agreement: Agreement, good: bool
) -> None:
    assert is_good(agreement) is good


def test_each_tower_is_chosen_for_itself() -> None:
    bad = Agreement(500, 0.9, 0.8, 0.1, 0.0)
    chosen = choose(PLAIN, SMALL, {IMAGE_TOWER: bad, TEXT_TOWER: GOOD})
    assert (chosen.image_precision, chosen.text_precision) == ("fp32", "int4+int8")
    assert chosen.image is PLAIN.image
    assert chosen.text is SMALL.text
    chosen = choose(PLAIN, SMALL, {IMAGE_TOWER: GOOD, TEXT_TOWER: bad})
    assert (chosen.image_precision, chosen.text_precision) == ("int8", "fp32")


def test_values_are_chosen_evenly_and_none_twice() -> None:
    assert spread(list(range(101)), 3) == [0, 50, 100]
    assert spread([1, 2], 5) == [1, 2]
    assert spread([1, 2], 0) == []
    assert spread([], 5) == []
