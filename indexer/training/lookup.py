"""Texts as likelihoods of classes whose names are known: what a classifier's softmax is to a photo.

Knows nothing of tokens or of the names themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from indexer.training.bert import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.training.names import Name

TEMPERATURE = 0.04  # of the cosines between a text and the names


class NameBank(nn.Module):
    """Vectors of names, and the classes that each one names.

    Likelihoods of names are summed by class. A table says which, as many for every class; what it
    cannot hold, names of many classes above all, goes by two matrices: names to sets of classes,
    and sets to classes, each of which has an equal share.
    """

    centre: torch.Tensor
    keys: torch.Tensor
    table: torch.Tensor
    words: torch.Tensor
    sets: torch.Tensor
    shares: torch.Tensor
    members: torch.Tensor

    def __init__(
        self, vectors: torch.Tensor, rows: Sequence[tuple[int, tuple[int, ...]]], *, classes: int
    ) -> None:
        """Take the vectors of texts, and pairs of a text's row and the classes it names."""
        super().__init__()
        centre = vectors.mean(dim=0)
        keys = unit_rows(vectors - centre)
        self.register_buffer("centre", centre)
        self.register_buffer("keys", keys.T.contiguous())  # (dim, texts)
        table, several = _table(rows, classes)
        self.register_buffer("table", table)  # (names of a class, classes)
        distinct = list(dict.fromkeys(numbers for _, numbers in several))
        members = torch.zeros(len(distinct), classes, dtype=torch.uint8)
        sets = torch.zeros(len(several), len(distinct), dtype=torch.uint8)
        for place, numbers in enumerate(distinct):
            members[place, list(numbers)] = 1
        for place, (_, numbers) in enumerate(several):
            sets[place, distinct.index(numbers)] = 1
        self.register_buffer("words", torch.tensor([row for row, _ in several], dtype=torch.int64))
        self.register_buffer("sets", sets)  # (words, sets)
        self.register_buffer("shares", 1 / members.sum(dim=1).float())  # (sets,)
        self.register_buffer("members", members)  # (sets, classes)

    @classmethod
    def of_names(
        cls,
        names: Sequence[Name],
        encode: Callable[[Sequence[str]], torch.Tensor],
        *,
        classes: int,
    ) -> NameBank:
        """Encode the names' prompts, each text once, and remember what they name."""
        texts = {text: None for name in names for text in name.prompts}
        places = {text: row for row, text in enumerate(texts)}
        rows = [(places[text], name.classes) for name in names for text in name.prompts]
        return cls(encode(list(texts)), rows, classes=classes)

    def forward(self, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the roots of the classes' likelihoods, unit rows, and the cosine of the best name.

        `(n, dim)` -> `(n, classes)`, `(n, 1)`.
        """
        similar = unit_rows(vectors - self.centre) @ self.keys
        nearest = similar.amax(dim=1, keepdim=True)
        likely = torch.exp((similar - nearest) / TEMPERATURE)  # their sum is left as it is
        one = torch.index_select(likely, 1, self.table.flatten())
        told = one.view(-1, *self.table.shape).sum(dim=1)
        several = torch.index_select(likely, 1, self.words) @ self.sets.to(likely.dtype)
        told = told + (several * self.shares) @ self.members.to(likely.dtype)
        return unit_rows(told.sqrt()), nearest


def _table(
    rows: Sequence[tuple[int, tuple[int, ...]]], classes: int
) -> tuple[torch.Tensor, list[tuple[int, tuple[int, ...]]]]:
    """Give a table of names by class, and the rows that it has no place for."""
    names: list[list[int]] = [[] for _ in range(classes)]
    for row, numbers in rows:
        if len(numbers) == 1:
            names[numbers[0]].append(row)
    height = min(map(len, names))
    left = [(row, numbers) for row, numbers in rows if len(numbers) > 1]
    left += [(row, (each,)) for each, found in enumerate(names) for row in found[height:]]
    table = torch.tensor([found[:height] for found in names], dtype=torch.int64)
    return table.T.contiguous(), left
