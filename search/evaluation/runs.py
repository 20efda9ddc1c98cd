"""How well a library answers queries whose answers are known.

recall@k, mean reciprocal rank and median rank, text to image and image to text, as CLIP's and
Flickr30k's retrieval tables count them (Karpathy and Fei-Fei 2015): one relevant photo for a
caption; for a photo the best placed of its captions counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.captions import read_captions
from indexer.captions.matching import PhotoNames
from indexer.catalog import embeddings, photos
from indexer.errors import CaptionsError, LibraryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Ids, Vectors

_BLOCK = 256  # queries scored at a time
_MOST_NAMED = 5  # images in a message


@dataclass(frozen=True, slots=True)
class Measures:
    """What a list of ranks amounts to; fractions of 1, ranks from 1."""

    queries: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    mrr: float
    median_rank: float

    @classmethod
    def of(cls, ranks: Ids) -> Measures:
        """Measure the ranks at which queries found what they should; at least one."""
        at_1, at_5, at_10 = (recall_at_k(ranks, k) for k in (1, 5, 10))
        return cls(len(ranks), at_1, at_5, at_10, mrr(ranks), median_rank(ranks))

    def as_dict(self) -> dict[str, float]:
        """Name the figures as they are printed."""
        return {
            "recall@1": self.recall_at_1,
            "recall@5": self.recall_at_5,
            "recall@10": self.recall_at_10,
            "mrr": self.mrr,
            "median_rank": self.median_rank,
            "queries": self.queries,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both directions over one set of pairs."""

    photos: int  # in the library: what each caption is ranked over
    text_to_image: Measures
    image_to_text: Measures


@dataclass(frozen=True, slots=True)
class Pair:
    """A caption and the content of the photo that it describes."""

    text: str
    content_hash: bytes


def recall_at_k(ranks: Ids, k: int) -> float:
    """Return the share of queries whose answer is among the first k."""
    return float(np.mean(ranks <= k))


def mrr(ranks: Ids) -> float:
    """Return the mean of 1 / rank."""
    return float(np.mean(1.0 / ranks))


def median_rank(ranks: Ids) -> float:
    """Return the middle rank, the mean of the two where the count is even."""
    return float(np.median(ranks))


def ranks_of(scores: Vectors, relevant: npt.NDArray[np.bool_]) -> Ids:
    """Return, for each row of scores `(n, m)`, the rank of its best relevant column, from 1.

    What scores as high as the answer stands before it, so that equal scores earn nothing.
    """
    best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True)
    ranks: Ids = 1 + ((scores >= best) & ~relevant).sum(axis=1, dtype=np.int64)
    return ranks


def read_pairs(path: Path, library: Library) -> list[Pair]:
    """Read a CSV `image,caption` whose images are in the library.

    Raises PathNotFoundError and CaptionsError; an image that the library does not hold, or that
    its name does not tell from another, is an error, since leaving it out would flatter.
    """
    rows = list(read_captions(path))
    if not rows:
        raise CaptionsError(f"{path} has no captions. Put rows 'image,caption' in it.")
    with library.reading() as connection:
        names = PhotoNames(photos.paths(connection).items(), roots=[])
        matches = [names.match(row.image, captions_file=path) for row in rows]
        found = photos.by_id(connection, [m.photo_id for m in matches if m.photo_id is not None])
    facts = {
        row.image: "several photos" if match.is_ambiguous else "no photo"
        for row, match in zip(rows, matches, strict=True)
        if match.photo_id is None
    }
    if facts:
        some = ", ".join(f"{image} ({fact})" for image, fact in list(facts.items())[:_MOST_NAMED])
        more = f" and {len(facts) - _MOST_NAMED:,} more" if len(facts) > _MOST_NAMED else ""
        raise CaptionsError(
            f"{path} names images that do not stand for one photo each in the library at "
            f"{library.path}: {some}{more}. Index them first, or name them by their paths."
        )
    return [
        Pair(row.text, found[match.photo_id].content_hash)
        for row, match in zip(rows, matches, strict=True)
        if match.photo_id is not None
    ]


def evaluate(library: Library, encoder: Encoder, pairs: Sequence[Pair]) -> Evaluation:
    """Rank every photo of the library for each caption, and all captions for each photo.

    Copies of a photo, and equal captions, count once. Raises SpaceMismatchError, and LibraryError
    when a photo of the pairs has left the library.
    """
    pairs = list(dict.fromkeys(pairs))  # copies with the same caption are the same pair
    hashes, images = _all_images(library, encoder)
    column = {key: i for i, key in enumerate(hashes)}
    if any(pair.content_hash not in column for pair in pairs):
        raise LibraryError(f"Photos just left the library at {library.path}. Evaluate it again.")
    row = {text: i for i, text in enumerate(dict.fromkeys(pair.text for pair in pairs))}
    texts = encoder.encode_texts(list(row))
    photo_of = np.array([column[pair.content_hash] for pair in pairs])
    text_of = np.array([row[pair.text] for pair in pairs])
    asked = np.unique(photo_of)
    return Evaluation(
        photos=len(hashes),
        text_to_image=Measures.of(_ranks(texts[text_of], images, np.arange(len(pairs)), photo_of)),
        image_to_text=Measures.of(
            _ranks(images[asked], texts, np.searchsorted(asked, photo_of), text_of)
        ),
    )


def _all_images(library: Library, encoder: Encoder) -> tuple[list[bytes], Vectors]:
    kind = embeddings.PHOTOS
    with library.reading_space(encoder.space) as (connection, space_id):
        vectors = {
            key: vector
            for ids, rows in embeddings.after(connection, kind, space_id, 0, dim=encoder.dim)
            for key, vector in zip(ids.tolist(), rows, strict=True)
        }
        hashes = embeddings.hashes_by_id(connection, kind, list(vectors))
        held = photos.hashes(connection)  # a run that was cut off leaves others
    kept = {hashes[key]: vector for key, vector in vectors.items() if hashes[key] in held}
    return list(kept), np.array(list(kept.values()), np.float32).reshape(-1, encoder.dim)


def _ranks(queries: Vectors, answers: Vectors, rows: Ids, columns: Ids) -> Ids:
    """Rank the answers for each query; the pairs `(rows[i], columns[i])` are the relevant ones."""
    ranks = []
    for start in range(0, len(queries), _BLOCK):
        scores = queries[start : start + _BLOCK] @ answers.T
        relevant = np.zeros(scores.shape, np.bool_)
        here = (rows >= start) & (rows < start + _BLOCK)
        relevant[rows[here] - start, columns[here]] = True
        ranks.append(ranks_of(scores, relevant))
    return np.concatenate(ranks)
