from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.training.blend import LEAST, MOST, Blend, Gate


def unit(*shape: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = np.random.default_rng(0).normal(size=shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(st.floats(0, 1))
def test_every_share_gives_unit_rows(share: float) -> None:
    joined = Blend(share).photos(unit(5, 4), 3 * unit(5, 3))
    np.testing.assert_allclose(np.linalg.norm(joined, axis=1), 1, atol=1e-5)


def test_a_cosine_weighs_both_by_their_share() -> None:
    heads, base = unit(2, 4), unit(2, 3)
    joined = Blend(0.25).photos(heads, base)
    expected = 0.75 * heads[0] @ heads[1] + 0.25 * base[0] @ base[1]
    assert joined[0] @ joined[1] == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=30))
def test_the_gate_opens_with_the_cosine_and_never_wholly(nearest: list[float]) -> None:
    shares = Gate(0.7, 0.9)(np.sort(np.array(nearest, np.float32))[:, None])
    assert (np.diff(shares[:, 0]) >= 0).all()
    assert shares.min() >= LEAST - 1e-6
    assert shares.max() <= MOST + 1e-6


def test_captions_hardly_open_the_gate_that_is_fitted_to_them() -> None:
    nearest = np.random.default_rng(0).normal(0.6, 0.05, size=(1000, 1)).astype(np.float32)
    shares = Gate.fit(nearest)(nearest)
    assert np.quantile(shares, 0.89) <= LEAST + 0.01


def test_a_text_that_is_a_name_leans_on_the_base() -> None:
    blend = Blend(0.5, Gate(0.7, 0.9))
    heads, base = unit(2, 4), unit(2, 3)
    name, sentence = blend.texts(heads, base, np.array([[0.95], [0.3]], np.float32))
    assert np.linalg.norm(name[4:]) ** 2 == pytest.approx(MOST, abs=1e-5)
    assert np.linalg.norm(sentence[4:]) ** 2 == pytest.approx(LEAST, abs=1e-5)
