"""Two spaces over the same photos and captions: whether one finds more than the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import LibraryError
from indexer.spaces import switch_command
from search.evaluation.bootstrap import intervals, resample
from search.evaluation.measures import names, per_query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.records import Ids, Space
    from search.evaluation.bootstrap import Interval
    from search.evaluation.measures import Place
    from search.evaluation.pairs import Pair
    from search.evaluation.runs import Run
    from search.evaluation.trial import Gallery

LOWER_IS_BETTER = frozenset({"median_rank"})


@dataclass(frozen=True, slots=True)
class Difference:
    """What one measure gains by the other space, with its 95 % confidence interval."""

    name: str
    value: float  # the other space's figure less the library's own
    interval: Interval | None  # None for a single photo

    @property
    def excludes_0(self) -> bool:
        """Whether other photos of the kind would hardly turn the difference around."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    @property
    def is_better(self) -> bool:
        """Whether the other space is the better one by this measure."""
        return (self.value < 0) == (self.name in LOWER_IS_BETTER)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Another space beside the library's own, in both directions."""

    space: Space
    text_to_image: tuple[Difference, ...]
    image_to_text: tuple[Difference, ...]


def in_common(own: Gallery, other: Gallery) -> tuple[Gallery, Gallery]:
    """Keep the photos that both hold, in one order, so that both rank the same."""
    held = set(other.hashes)
    hashes = [key for key in own.hashes if key in held]
    return own.select(hashes), other.select(hashes)


def require_pairs(pairs: Sequence[Pair], gallery: Gallery, library: Path) -> None:
    """Raise LibraryError when a space lacks photos that are asked for."""
    wanted = {pair.content_hash for pair in pairs}
    if lacking := wanted - set(gallery.hashes):
        raise LibraryError(
            f"The space {gallery.space} lacks {len(lacking):,} of the {len(wanted):,} photos asked "
            f"for. Embed them with: {switch_command(library, gallery.space.model)}"
        )


def compare(own: Run, other: Run) -> Comparison:
    """Subtract the figures of two runs over the same pairs and photos, resampled together."""
    return Comparison(
        other.trial.gallery.space,
        _differences(own.by_text, other.by_text, own.trial.photo_of, own.cutoffs),
        _differences(own.by_image.places, other.by_image.places, own.by_image.photos, own.cutoffs),
    )


def _differences(
    own: Sequence[Place], other: Sequence[Place], photos: Ids, cutoffs: Sequence[int]
) -> tuple[Difference, ...]:
    first, second = per_query(own, cutoffs), per_query(other, cutoffs)
    means = (second[0].mean(axis=0) - first[0].mean(axis=0)).tolist()
    values = [*means, float(np.median(second[1]) - np.median(first[1]))]
    # the same photos are drawn for both, so what makes queries hard for both falls out
    spans = intervals(resample(*second, photos) - resample(*first, photos), photos)
    return tuple(map(Difference, names(cutoffs), values, spans))
