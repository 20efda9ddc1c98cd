"""Evaluations: both directions over one set of pairs, and over each of its groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from search.evaluation.measures import CUTOFFS, Measures
from search.evaluation.pairs import groups
from search.evaluation.trial import Gallery, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Ids, Space
    from search.evaluation.measures import Place
    from search.evaluation.pairs import Pair, Trait
    from search.evaluation.trial import Ranked


@dataclass(frozen=True, slots=True)
class Group:
    """The captions of one source or language, evaluated as if the file held no others."""

    trait: Trait
    name: str
    text_to_image: Measures
    image_to_text: Measures


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both directions over one set of pairs in one space."""

    space: Space
    text_to_image: Measures
    image_to_text: Measures
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A trial with the places of all its queries, from which everything is measured."""

    trial: Trial
    cutoffs: tuple[int, ...]
    by_text: list[Place]  # of each pair
    by_image: Ranked

    @classmethod
    def of(
        cls,
        trial: Trial,
        *,
        cutoffs: Sequence[int] = CUTOFFS,
        by_text: list[Place] | None = None,
    ) -> Run:
        """Rank everything by cosine; `by_text` are places that were found in another way."""
        depth = cutoffs[-1]
        found = trial.rank_photos(depth=depth) if by_text is None else by_text
        every = np.arange(len(trial.photo_of))
        return cls(trial, tuple(cutoffs), found, trial.rank_captions(every, depth=depth))

    def evaluation(self, groups: dict[tuple[Trait, str], list[int]] | None = None) -> Evaluation:
        """Measure all pairs, and each group of them, whose numbers are given."""
        every = np.arange(len(self.trial.photo_of))
        return Evaluation(
            self.trial.gallery.space,
            self._text_to_image(every),
            self._image_to_text(self.by_image),
            tuple(
                self._group(trait, name, np.array(numbers))
                for (trait, name), numbers in (groups or {}).items()
            ),
        )

    def _group(self, trait: Trait, name: str, pairs: Ids) -> Group:
        ranked = self.trial.rank_captions(pairs, depth=self.cutoffs[-1])
        return Group(trait, name, self._text_to_image(pairs), self._image_to_text(ranked))

    def _text_to_image(self, pairs: Ids) -> Measures:
        return Measures.of(
            [self.by_text[pair] for pair in pairs],
            self.trial.photo_of[pairs],
            candidates=len(self.trial.gallery.hashes),
            cutoffs=self.cutoffs,
        )

    def _image_to_text(self, ranked: Ranked) -> Measures:
        return Measures.of(
            ranked.places,
            ranked.photos,
            candidates=len(ranked.captions),
            cutoffs=self.cutoffs,
        )


def evaluate(
    library: Library,
    encoder: Encoder,
    pairs: Sequence[Pair],
    *,
    cutoffs: Sequence[int] = CUTOFFS,
) -> Evaluation:
    """Rank every photo of the library for each caption, and all captions for each photo.

    Copies of a photo, and equal captions, count once. Raises SpaceMismatchError, and LibraryError
    when a photo of the pairs has left the library.
    """
    gallery = Gallery.read(library, encoder.space)
    run = Run.of(Trial.prepare(library, encoder, pairs, gallery), cutoffs=cutoffs)
    return run.evaluation(groups(pairs))
