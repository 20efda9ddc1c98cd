"""All that one evaluation was asked for: figures, a comparison, an index's agreement, details."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from search.evaluation.comparison import compare, in_common, require_pairs
from search.evaluation.details import Direction, details, worst
from search.evaluation.exactness import against_exact
from search.evaluation.measures import CUTOFFS, names
from search.evaluation.pairs import groups
from search.evaluation.runs import Run
from search.evaluation.searching import places_by_search, require_channels, untold
from search.evaluation.trial import Gallery, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.pipeline import OnProgress
    from search.evaluation.comparison import Comparison
    from search.evaluation.details import Detail
    from search.evaluation.exactness import Agreement
    from search.evaluation.pairs import Pair
    from search.evaluation.runs import Evaluation
    from search.evaluation.thresholds import Placed
    from search.query import Channel

_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_INDEXES = ("photos", "captions")


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found; what was not asked for is empty."""

    evaluation: Evaluation
    other: Evaluation | None = None  # in the space that was compared with
    comparison: Comparison | None = None
    left_out: int = 0  # photos that one of two spaces lacks
    agreements: tuple[Agreement, ...] = ()
    details: tuple[Detail, ...] = ()
    channels: tuple[Channel, ...] = ()  # of searches; none where cosines rank
    held_out: int = 0  # captions of the library that the searches were not to find

    @property
    def figures(self) -> Iterator[Placed]:
        """Give every figure that a threshold may be set for, with its place."""
        for direction in _DIRECTIONS:
            for figure in getattr(self.evaluation, direction).figures:
                yield direction, figure.name, figure.value
        for each in self.agreements:
            for figure in each.figures:
                yield each.target, figure.name, figure.value

    def worst(self, count: int) -> list[Detail]:
        """Return the queries of each direction whose answers stand last, the worst first."""
        return [each for direction in _DIRECTIONS for each in worst(self.details, direction, count)]


def report(
    library: Library,
    encoder: Encoder,
    pairs: Sequence[Pair],
    *,
    cutoffs: Sequence[int] = CUTOFFS,
    other: Encoder | None = None,
    exact: bool = False,
    detailed: bool = False,
    channels: Sequence[Channel] = (),
    on_progress: OnProgress | None = None,
) -> Report:
    """Evaluate pairs in the encoder's space, beside those of another's if it is given.

    With `channels`, photos are searched for as a person would, through these.

    Raises SpaceMismatchError, and LibraryError when a space lacks a photo of the pairs.
    """
    if channels:
        require_channels(channels)
    own = whole = Gallery.read(library, encoder.space)
    theirs = None
    if other is not None:
        second = Gallery.read(library, other.space)
        require_pairs(pairs, second, library.path)
        own, theirs = in_common(whole, second)
    trials = [(encoder, Trial.prepare(library, encoder, pairs, own))]
    if other is not None and theirs is not None:
        trials.append((other, Trial.prepare(library, other, pairs, theirs)))
    if channels:
        runs, held_out = _searched(
            library, pairs, trials, channels, cutoffs=cutoffs, on_progress=on_progress
        )
    else:
        runs, held_out = [Run.of(trial, cutoffs=cutoffs) for _, trial in trials], 0
    run, beside = runs[0], runs[1] if other is not None else None
    members = groups(pairs)
    return Report(
        run.evaluation(members),
        beside.evaluation(members) if beside else None,
        compare(run, beside) if beside else None,
        len(whole.hashes) - len(own.hashes),
        against_exact(library, run) if exact else (),
        tuple(details(library, run)) if detailed else (),
        tuple(channels),
        held_out,
    )


def _searched(
    library: Library,
    pairs: Sequence[Pair],
    trials: Sequence[tuple[Encoder, Trial]],
    channels: Sequence[Channel],
    *,
    cutoffs: Sequence[int],
    on_progress: OnProgress | None,
) -> tuple[list[Run], int]:
    with untold(library, pairs) as (copy, held_out):
        found = [
            places_by_search(
                copy, encoder, trial, channels, depth=cutoffs[-1], on_progress=on_progress
            )
            for encoder, trial in trials
        ]
    runs = [
        Run.of(trial, cutoffs=cutoffs, by_text=places)
        for (_, trial), places in zip(trials, found, strict=True)
    ]
    return runs, held_out


def measured(cutoffs: Sequence[int], *, exact: bool) -> list[tuple[str, str]]:
    """Name what a report will hold a figure of, as place and measure."""
    found: list[tuple[str, str]] = [
        (direction, name) for direction in _DIRECTIONS for name in names(cutoffs)
    ]
    if exact:
        found += [(index, f"overlap@{k}") for index in _INDEXES for k in cutoffs]
        found += [("photos", f"recall@{k}") for k in cutoffs]
    return found
