from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from indexer.training.heads import HiddenHead, LinearHead, Side, Standard, gelu, unit_rows


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def hidden_head(width: int = 6, hidden: int = 9, dim: int = 4) -> HiddenHead:
    return HiddenHead(
        matrix=drawn(width, dim, seed=1),
        bias=drawn(dim, seed=2),
        up=drawn(width, hidden, seed=3),
        up_bias=drawn(hidden, seed=4),
        down=drawn(hidden, dim, seed=5),
        down_bias=drawn(dim, seed=6),
    )


def test_standard_centres_each_block_and_gives_it_length_one() -> None:
    blocks = [drawn(20, 5) + 3, 100 * drawn(20, 2, seed=1)]
    standard = Standard.fit(blocks)
    rows = standard(blocks)
    assert rows.shape == (20, 7)
    assert rows.dtype == np.float32
    for part, block in ((rows[:, :5], blocks[0]), (rows[:, 5:], blocks[1])):
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(part, unit_rows(block - block.mean(axis=0)), atol=1e-5)


def test_standard_counts_rows_by_their_weights() -> None:
    block = np.float32([[0, 0], [4, 8], [7, 7]])
    (centre,) = Standard.fit([block], np.array([3.0, 1.0, 0.0])).centres
    np.testing.assert_allclose(centre, [1, 2])


def test_standard_leaves_a_block_that_never_varies_at_zero() -> None:
    block = np.full((7, 3), 0.1, np.float32)
    np.testing.assert_array_equal(Standard.fit([block])([block]), np.zeros((7, 3)))


def test_standard_refuses_another_number_of_blocks() -> None:
    with pytest.raises(ValueError, match="zip"):
        Standard.fit([drawn(3, 2)])([drawn(3, 2), drawn(3, 2)])


@given(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=20))
def test_gelu_agrees_with_torch(numbers: list[float]) -> None:
    x = np.array(numbers, np.float32)
    expected = torch.nn.functional.gelu(torch.from_numpy(x).double()).numpy()
    np.testing.assert_allclose(gelu(x), expected, rtol=1e-6, atol=1e-6)


def test_a_linear_head_gives_unit_rows_of_a_line() -> None:
    head = LinearHead(np.float32([[1, 0], [0, 2]]), np.float32([0, 2]))
    np.testing.assert_allclose(head(np.float32([[3, 1]])), [[0.6, 0.8]])
    assert head.dim == 2


def test_a_hidden_head_agrees_with_torch() -> None:
    head = hidden_head()
    rows = unit_rows(drawn(50, 6))
    x, matrix, bias, up, up_bias, down, down_bias = map(
        torch.from_numpy,
        (rows, head.matrix, head.bias, head.up, head.up_bias, head.down, head.down_bias),
    )
    hidden = torch.nn.functional.gelu(8 * x @ up + up_bias)
    expected = torch.nn.functional.normalize(x @ matrix + bias + hidden @ down + down_bias)
    assert head(rows).dtype == np.float32
    np.testing.assert_allclose(head(rows), expected.numpy(), atol=1e-6)


def test_a_sides_cosine_is_the_mean_of_its_heads_cosines() -> None:
    blocks = [drawn(8, 4), drawn(8, 2, seed=9)]
    standard = Standard.fit(blocks)
    heads = (LinearHead(drawn(6, 3), drawn(3)), hidden_head())
    side = Side(standard, heads)
    vectors = side(blocks)
    assert vectors.shape == (8, side.dim) == (8, 7)
    parts = [head(standard(blocks)) for head in heads]
    np.testing.assert_allclose(
        vectors @ vectors.T, np.mean([part @ part.T for part in parts], axis=0), atol=1e-6
    )
