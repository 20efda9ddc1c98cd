from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
import torch

from indexer.errors import TrainingError
from indexer.training.contrastive import Schedule, Trained, train
from indexer.training.heads import HiddenHead, LinearHead, unit_rows
from indexer.training.material import Described, Material

SHORT = Schedule(steps=60, every=20, hidden=16, dim=8, dropout=0.1, rate=1e-2, warmup=5, threads=1)


def material(count: int = 30) -> Material:
    """Photos and texts that show the same 4 numbers in different ways."""
    draw = np.random.default_rng(0)
    hidden = draw.normal(size=(count, 4))
    photos = unit_rows((hidden @ draw.normal(size=(4, 12))).astype(np.float32))
    texts = unit_rows((hidden @ draw.normal(size=(4, 10))).astype(np.float32))
    captioned = [Described(i, {"en": (i,)}, i, "caption") for i in range(count)]
    return Material([photos], texts, captioned)


def recall(seen: Material, image: LinearHead, text: HiddenHead) -> float:
    found = (text(seen.texts) @ image(seen.views[0]).T).argmax(axis=1)
    return float((found == np.arange(len(found))).mean())


def arrays(trained: Trained) -> tuple[np.ndarray, ...]:
    return (*astuple(trained.image), *astuple(trained.text))


def test_thirty_captions_in_one_language_teach_which_photo_is_meant() -> None:
    seen = material()
    trained = train(seen, replace(SHORT, steps=120), seed=0)
    assert recall(seen, trained.image, trained.text) > 0.9
    losses = [each.loss for each in trained.history]
    assert losses[-1] < losses[0] / 2


def test_one_seed_gives_the_same_heads_and_another_gives_others() -> None:
    first, second, other = (train(material(), SHORT, seed=seed) for seed in (1, 1, 2))
    for one, again in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(one, again)
    assert not np.array_equal(first.image.matrix, other.image.matrix)


def test_training_leaves_torch_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train(material(), replace(SHORT, steps=2, threads=threads + 1), seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_without_a_score_training_takes_exactly_the_steps_asked() -> None:
    trained = train(material(), replace(SHORT, steps=30), seed=0)
    assert trained.steps == 30
    assert [(each.step, each.score) for each in trained.history] == [(20, None), (30, None)]


def test_training_keeps_the_best_heads_and_stops_when_patience_ends() -> None:
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.9])
    seen: list[LinearHead] = []

    def score(image: LinearHead, text: HiddenHead) -> float:
        seen.append(image)
        return next(scores)

    schedule = replace(SHORT, steps=1000, every=2, patience=2)
    trained = train(material(), schedule, seed=0, score=score)
    assert [each.score for each in trained.history] == [0.1, 0.5, 0.4, 0.5]
    assert trained.steps == 4
    np.testing.assert_array_equal(trained.image.matrix, seen[1].matrix)


def test_training_anew_for_the_steps_found_retraces_them() -> None:
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2])
    schedule = replace(SHORT, steps=100, every=10, patience=3)
    stopped = train(material(), schedule, seed=0, score=lambda image, text: next(scores))
    again = train(material(), replace(schedule, steps=stopped.steps), seed=0)
    assert again.steps == stopped.steps == 20
    for one, other in zip(arrays(stopped), arrays(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_heads_have_the_widths_asked() -> None:
    trained = train(material(), replace(SHORT, steps=1), seed=0)
    assert trained.image.matrix.shape == (12, 8)
    assert trained.text.matrix.shape == (10, 8)
    assert trained.text.up.shape == (10, 16)
    assert trained.text.down.shape == (16, 8)
    assert all(array.dtype == np.float32 for array in arrays(trained))


def test_one_pair_alone_trains_without_a_fault() -> None:
    trained = train(material(1), replace(SHORT, steps=2), seed=0)
    assert all(np.isfinite(array).all() for array in arrays(trained))


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    broken = material()
    broken.texts[3] = np.nan
    with pytest.raises(TrainingError, match="loss of step 1"):
        train(broken, SHORT, seed=0)
