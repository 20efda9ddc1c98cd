"""An order of results in which each adds something new. Pure: knows no models or libraries.

J. Carbonell and J. Goldstein, "The use of MMR, diversity-based reranking for reordering documents
and producing summaries" (SIGIR 1998).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from indexer.records import Vectors


def diversify(
    relevance: Sequence[float], vectors: Vectors, *, balance: float, top_k: int
) -> list[int]:
    """Return the rows to show, in order, by maximal marginal relevance.

    Each next one has the most of `balance` x relevance - (1 - `balance`) x its greatest cosine to
    those before it; rows are `(n, dim)`, unit rows, and of equals the first comes first. Relevance
    is brought to 0..1 over the rows, since cosines of texts and photos span a tenth of what those
    of photos and photos do. 1 orders by relevance alone.
    """
    gain = balance * _scaled(relevance)
    nearest = np.full(len(gain), -np.inf)  # (n,): the greatest cosine to a row that is shown
    shown: list[int] = []
    for _ in range(min(top_k, len(gain))):
        # the first has nothing before it
        marginal = gain - (1 - balance) * nearest if shown else gain
        best = int(np.argmax(marginal))
        shown.append(best)
        gain[best] = -np.inf  # never again
        np.maximum(nearest, vectors @ vectors[best], out=nearest)
    return shown


def _scaled(relevance: Sequence[float]) -> npt.NDArray[np.float64]:
    values = np.asarray(relevance, np.float64)
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    scaled: npt.NDArray[np.float64] = (values - low) / ((high - low) or 1.0)
    return scaled
