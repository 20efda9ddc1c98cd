"""Two heads trained by CLIP's loss on cached rows. Knows nothing of towers, files or recall.

Radford et al. 2021 (arXiv:2103.00020), with every pair that belongs together a positive as in
Khosla et al. 2020 (arXiv:2004.11362).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from indexer.errors import TrainingError
from indexer.training.heads import HIDDEN_SCALE, HiddenHead, LinearHead
from indexer.training.material import batches

if TYPE_CHECKING:
    from indexer.training.heads import Floats
    from indexer.training.material import Batch, Material

Score: TypeAlias = Callable[[LinearHead, HiddenHead], float]

WARMEST = 0.07  # CLIP's temperature to start from
STEEPEST = 100.0  # CLIP's bound of the inverse temperature


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to train.

    The rate rises for `warmup` steps and then stays, so that a step is the same however many
    follow: early stopping takes no half-annealed heads, and training anew for the steps it found
    retraces them. Averaging the weights does what annealing would (Haegele et al. 2024,
    arXiv:2405.18392).
    """

    steps: int = 600  # at most; exactly, where no score stops it
    every: int = 20  # steps between scores
    patience: int = 5  # scores without gain
    rate: float = 1.5e-3
    warmup: int = 20
    decay: float = 0.2
    dropout: float = 0.35
    hidden: int = 768
    dim: int = 256
    averaged: float = 0.98  # of the moving average of the weights
    threads: int = 1  # sums in another order would be other sums; more wait on a busy machine


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How training went up to a step: the mean loss since the last one, and the score if asked."""

    step: int
    loss: float
    score: float | None


@dataclass(frozen=True, slots=True)
class Trained:
    """The best heads, the steps they took, and every evaluation on the way and beyond."""

    image: LinearHead
    text: HiddenHead
    steps: int
    history: tuple[Evaluation, ...]


def train(
    material: Material, schedule: Schedule | None = None, *, seed: int, score: Score | None = None
) -> Trained:
    """Train until `score` of the averaged heads stops rising, or for all steps without one.

    The same material, schedule and seed give the same heads on the same machine. Raises
    TrainingError where nothing has a text, and where a loss is no number.
    """
    schedule = schedule or Schedule()
    with _reproducible(seed, schedule.threads):
        return _best(_training(batches(material, seed=seed), schedule), schedule, score)


def _best(run: Iterator[_Reached], schedule: Schedule, score: Score | None) -> Trained:
    """Score what training reaches until it gains no more; without a score the last is the best."""
    history: list[Evaluation] = []
    best, highest = 0, -math.inf
    for at, reached in enumerate(run):
        value = score(reached.image, reached.text) if score else None
        history.append(Evaluation(reached.step, reached.loss, value))
        if at == 0 or value is None or value > highest:
            kept, best, highest = reached, at, -math.inf if value is None else value
        if at - best >= schedule.patience:
            break
    return Trained(kept.image, kept.text, kept.step, tuple(history))


@dataclass(frozen=True, slots=True)
class _Reached:
    """The averaged heads at a step, and the mean loss on the way from the last."""

    step: int
    loss: float
    image: LinearHead
    text: HiddenHead


def _training(drawn: Iterator[Batch], schedule: Schedule) -> Iterator[_Reached]:
    """Train for all steps and give the averaged heads every few, and after the last."""
    batch = next(drawn)
    heads = _Heads(batch.photos.shape[1], batch.texts.shape[1], schedule)
    average = copy.deepcopy(heads)
    optimiser = _optimiser(heads, schedule)
    losses: list[float] = []
    for step in range(1, schedule.steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate * min(1, step / max(1, schedule.warmup))
        optimiser.zero_grad()
        loss = heads.loss(batch)
        torch.autograd.backward(loss)
        optimiser.step()
        average.follow(heads, 1 - schedule.averaged)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise TrainingError(
                f"The loss of step {step} is {losses[-1]}: the base gave numbers that are not "
                "finite. Use another base."
            )
        if step % schedule.every == 0 or step == schedule.steps:
            image, text = average.arrays()
            yield _Reached(step, sum(losses) / len(losses), image, text)
            losses.clear()
        batch = next(drawn)


def _optimiser(heads: _Heads, schedule: Schedule) -> torch.optim.Optimizer:
    others = [value for name, value in heads.named_parameters() if name != "steepness"]
    return torch.optim.AdamW(
        [
            {"params": others, "weight_decay": schedule.decay},
            {"params": [heads.steepness], "weight_decay": 0.0},
        ],
        lr=schedule.rate,
        betas=(0.9, 0.98),
    )


class _Heads(nn.Module):
    """A linear map of photos; of texts one with a hidden layer beside it, which starts at 0."""

    def __init__(self, image_width: int, text_width: int, schedule: Schedule) -> None:
        super().__init__()
        self.drop = nn.Dropout(schedule.dropout)
        self.image = nn.Linear(image_width, schedule.dim)
        self.text = nn.Linear(text_width, schedule.dim)
        self.up = nn.Linear(text_width, schedule.hidden)
        self.down = nn.Linear(schedule.hidden, schedule.dim)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)
        self.steepness = nn.Parameter(torch.tensor(-math.log(WARMEST)))

    def loss(self, batch: Batch) -> torch.Tensor:
        """Give the symmetric cross-entropy of the cosines."""
        photos = self.project_photos(torch.from_numpy(batch.photos))
        texts = self.project_texts(torch.from_numpy(batch.texts))
        positives = torch.from_numpy(batch.positives).float()
        wanted = positives / positives.sum(dim=1, keepdim=True)
        logits = photos @ texts.T * self.steepness.exp().clamp(max=STEEPEST)
        rows = functional.cross_entropy(logits, wanted)
        columns = functional.cross_entropy(logits.T, wanted)
        return (rows + columns) / 2

    def project_photos(self, rows: torch.Tensor) -> torch.Tensor:
        """Project `(n, width)` to `(n, dim)`, unit rows."""
        return functional.normalize(self.image(self.drop(rows)), dim=-1)

    def project_texts(self, rows: torch.Tensor) -> torch.Tensor:
        """Project `(n, width)` to `(n, dim)`, unit rows."""
        rows = self.drop(rows)
        hidden = self.drop(functional.gelu(self.up(HIDDEN_SCALE * rows)))
        return functional.normalize(self.text(rows) + self.down(hidden), dim=-1)

    @torch.no_grad()
    def follow(self, others: _Heads, share: float) -> None:
        """Move every weight by a share of its way to the others'."""
        for own, other in zip(self.parameters(), others.parameters(), strict=True):
            own.lerp_(other, share)

    def arrays(self) -> tuple[LinearHead, HiddenHead]:
        """Copy the weights."""
        image, text, up, down = (
            _copy(linear) for linear in (self.image, self.text, self.up, self.down)
        )
        return LinearHead(*image), HiddenHead(*text, *up, *down)


def _copy(linear: nn.Linear) -> tuple[Floats, Floats]:
    matrix, bias = (value.detach().numpy() for value in (linear.weight, linear.bias))
    return np.ascontiguousarray(matrix.T), bias.copy()


@contextmanager
def _reproducible(seed: int, threads: int) -> Iterator[None]:
    """Fix what torch's results depend on, and leave it afterwards as it was.

    Every operation here is deterministic on a CPU; torch's switch that checks so imports its
    compiler, which takes seconds.
    """
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
