"""How much a hit's cosine says, beside what chance would score. Pure; knows no models or libraries.

A cosine is compared twice, as speaker verification normalises its scores (S-norm; Kenny, "Bayesian
speaker verification with heavy-tailed priors", 2010): with what random queries score on the same
hit, for some photos are near to everything (hubs; Radovanovic et al. 2010), and with what the same
query scores on the library at large, for some queries are. The best of n random photos grows with
n, so the odds before looking are near 1 : n. A logistic map makes one figure of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from indexer.records import Vector, Vectors

# Of the words in a caption of Flickr8k, those that another of the photo's five captions has, too:
# how sure it is that a photo with all the words of a query shows what they say.
SAID_TOO = 0.59
INFORMED = 3.5  # standard deviations; a space of random vectors passes once in 4,300

_MOST = 8.0  # standard deviations: of what stands out by more, some is chance of another kind
_LARGE = 1000  # a library beyond it has more of what is asked, too: odds stay at 1 : 1,000
_TRIMMED = 16  # the best sixteenth of random queries is left out: they may be no chance at all
_PRIOR_ROWS = 8  # rows' worth of trust in the spread of random queries, beside the library's own
_SPREAD_ROWS = 64  # enough of them to tell that spread
_TINY = 1e-6  # of a cosine: float32 knows no less
_FAR = 30.0  # logits: beyond, float32 holds no other share
_LOWER = 0.16  # the quantile one standard deviation below the middle: matches do not reach there


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic map of what the figures weigh."""

    bias: float
    by_chance: float  # a standard deviation above random queries
    at_large: float  # one above the library at large
    log_size: float  # e times as many photos or captions


# Fitted by tests/benchmarks/confidence.py on the validation photos of a model that never saw them,
# for libraries of 1 to 1,100 photos. Words and photos, photos and captions: each on its own scale.
WORDS_TO_PHOTOS = Weights(bias=-2.29, by_chance=0.87, at_large=0.89, log_size=-1.33)
WORDS_TO_CAPTIONS = Weights(bias=-5.04, by_chance=1.12, at_large=0.65, log_size=-0.88)
PHOTOS_TO_PHOTOS = Weights(bias=-3.33, by_chance=0.66, at_large=0.15, log_size=-0.48)
PHOTOS_TO_CAPTIONS = Weights(bias=-2.58, by_chance=0.75, at_large=0.47, log_size=-0.93)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far hits stand out; arrays are `(k,)`, in standard deviations."""

    by_chance: Vector
    at_large: Vector
    size: int  # photos or captions in all


def evidence(
    query: Vector, hits: Vectors, *, chance: Vectors, sample: Vectors, size: int
) -> Evidence:
    """Compare a query's cosines `(k,)` with chance and with the library at large.

    `chance` `(m, dim)` are random queries of the query's form, `sample` `(n, dim)` rows of the
    library, any that are spread evenly over it, of `size` in all.
    """
    scores = hits @ query
    middle, spread = _chance(chance @ hits.T)
    _, typical = _chance(chance @ sample[:: max(1, len(sample) // _SPREAD_ROWS)].T)
    large = sample @ query
    centre = np.median(large)
    own = centre - np.quantile(large, _LOWER)
    trust = len(large) / (len(large) + _PRIOR_ROWS)
    scale = np.sqrt(trust * own**2 + (1 - trust) * np.square(typical).mean())
    by_chance = (scores - middle) / np.maximum(spread, _TINY)
    at_large = trust * (scores - centre) / max(scale, _TINY)
    return Evidence(by_chance.astype(np.float32), at_large.astype(np.float32), size)


def confidences(found: Evidence, weights: Weights) -> Vector:
    """Return the expected share of right hits among those that stand out as much; `(k,)`."""
    figures = levelled(found)
    logit = (
        weights.bias
        + weights.by_chance * figures.by_chance
        + weights.at_large * figures.at_large
        + weights.log_size * np.log(figures.size)
    )
    share: Vector = (1 / (1 + np.exp(-np.clip(logit, -_FAR, _FAR)))).astype(np.float32)
    return share


def levelled(found: Evidence) -> Evidence:
    """Level off what is beyond the range in which it was seen to tell right from wrong."""
    by_chance, at_large = (
        _MOST * np.tanh(each / _MOST) for each in (found.by_chance, found.at_large)
    )
    return Evidence(by_chance, at_large, min(found.size, _LARGE))


def informed(texts: Vectors, photos: Vectors) -> float:
    """Tell how far texts are nearer to their own photos than to others', beyond chance.

    Row i of both belongs together; `(n, dim)`. In standard deviations of the same sum over random
    pairings (H. E. Daniels, "The relation between measures of correlation", 1944): a model that
    knows nothing stands at 0, give or take 1.
    """
    scores = (texts @ photos.T).astype(np.float64)
    scores -= scores.mean(axis=0)
    scores -= scores.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(scores).sum() / (len(scores) - 1))
    return float(np.trace(scores) / max(deviation, _TINY))


def _chance(scores: Vectors) -> tuple[Vector, Vector]:
    """Return the middle and spread of random queries' scores `(m, k)`, a column for each hit."""
    ranked = np.sort(scores, axis=0)
    kept = ranked[: len(ranked) - max(1, len(ranked) // _TRIMMED)]
    return kept.mean(axis=0), kept.std(axis=0)
