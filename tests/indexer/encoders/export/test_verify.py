from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from indexer.encoders.agreement import agrees, measure_agreement
from indexer.encoders.export.verify import Trial, try_images, try_texts
from indexer.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.source import Source

DIM = 8


def doubling(factor: float = 2.0, kind: str = "Mul") -> bytes:
    """A tower whose embeddings are `x` times a factor."""
    graph = helper.make_graph(
        [helper.make_node(kind, ["x", "factor"], ["embeddings"])],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", DIM])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", DIM])],
        [numpy_helper.from_array(np.array(factor, np.float32), "factor")],
    )
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    ).SerializeToString()
    return content


def batches() -> list[Any]:
    chance = np.random.default_rng(0)
    return [chance.standard_normal((count, DIM)).astype(np.float32) for count in (4, 4, 1)]


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_tower_is_measured_by_direction() -> None:
    some = batches()
    agreement = Trial("x", some, unit(np.concatenate(some))).run(doubling())
    assert (agreement.count, agreement.lowest) == (9, 1.0)
    agreement = Trial("x", some, unit(np.concatenate(some))).run(doubling(-1.0))
    assert agreement.mean == agreement.lowest == -1.0


def test_a_graph_that_does_not_load_is_a_model_error() -> None:
    with pytest.raises(ModelError):
        Trial("x", batches(), np.zeros((9, DIM), np.float32)).run(doubling(kind="NoSuchOperator"))


def test_the_gate_looks_at_the_mean_and_at_the_worst() -> None:
    source = np.tile(np.array([[1.0, 0.0]], np.float32), (1000, 1))

    def found(cosine: float, count: int) -> Any:
        rows = source.copy()
        rows[:count] = cosine, (1 - cosine**2) ** 0.5
        return measure_agreement(rows, source)

    assert agrees(found(0.995, 1000))
    assert not agrees(found(0.985, 1000))  # the mean
    assert agrees(found(0.5, 5))
    assert not agrees(found(0.5, 15))  # the first percentile, with a mean of 0.9925


@pytest.fixture(scope="module")
def source(small_model: Path) -> Source:
    from indexer.encoders.architecture import describe
    from indexer.encoders.names import parse_name
    from indexer.encoders.source import load_source

    name = parse_name(str(small_model))
    return load_source(describe(name), name.file, name="small")


def test_towers_are_tried_on_real_photos_and_captions(source: Source) -> None:
    from dataclasses import replace

    from indexer.encoders.tokenizer_export import export_tokenizer

    seen = try_images(source)
    assert sum(map(len, seen.batches)) == len(seen.expected) == 45
    tokenizer, settings = export_tokenizer(source.tokenizer, context_length=16)
    heard = try_texts(source, tokenizer, replace(settings, padding="longest"))
    assert sum(map(len, heard.batches)) == len(heard.expected) >= 60
    assert {batch.shape[1] for batch in heard.batches} <= set(range(2, 17))
    for trial in (seen, heard):
        np.testing.assert_allclose(np.linalg.norm(trial.expected, axis=1), 1, atol=1e-5)
