"""A file's captions and a library's photos in one space, ranked for each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import embeddings, photos
from indexer.errors import LibraryError
from search.evaluation.measures import place_all
from search.evaluation.pairs import once_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Ids, Space, Vectors
    from search.evaluation.measures import Place
    from search.evaluation.pairs import Pair


@dataclass(frozen=True, slots=True)
class Gallery:
    """All photos of a library in one space, each content once."""

    space: Space
    hashes: tuple[bytes, ...]
    ids: Ids  # (photos,) of the embeddings
    vectors: Vectors  # (photos, dim), unit rows

    @classmethod
    def read(cls, library: Library, space: Space) -> Gallery:
        """Read the photos that have a vector in a space. Raises SpaceMismatchError."""
        with library.reading_space(space) as (connection, space_id):
            ids, vectors = read_vectors(connection, embeddings.PHOTOS, space_id, dim=space.dim)
            by_id = embeddings.hashes_by_id(connection, embeddings.PHOTOS, ids.tolist())
            held = photos.hashes(connection)  # a run that was cut off leaves others
        hashes = tuple(by_id[key] for key in ids.tolist())
        return cls(space, hashes, ids, vectors).select([key for key in hashes if key in held])

    def select(self, hashes: Sequence[bytes]) -> Gallery:
        """Keep these photos, in this order."""
        if tuple(hashes) == self.hashes:
            return self
        row = {key: i for i, key in enumerate(self.hashes)}
        rows = np.array([row[key] for key in hashes], np.int64)
        return Gallery(self.space, tuple(hashes), self.ids[rows], self.vectors[rows])


def read_vectors(
    connection: Connection, kind: Table, space_id: int, *, dim: int
) -> tuple[Ids, Vectors]:
    """Read the ids, ascending, and vectors of all embeddings of a kind."""
    blocks = list(embeddings.after(connection, kind, space_id, 0, dim=dim))
    ids = np.concatenate([np.empty(0, np.int64), *(keys for keys, _ in blocks)])
    return ids, np.concatenate([np.empty((0, dim), np.float32), *(rows for _, rows in blocks)])


@dataclass(frozen=True, slots=True)
class Trial:
    """Captions and photos that know which belong together, encoded by one model."""

    gallery: Gallery
    captions: tuple[str, ...]  # of the file, each text once
    texts: Vectors  # (captions, dim), unit rows
    caption_of: Ids  # (pairs,) rows of captions
    photo_of: Ids  # (pairs,) rows of the gallery

    @classmethod
    def prepare(
        cls, library: Library, encoder: Encoder, pairs: Sequence[Pair], gallery: Gallery
    ) -> Trial:
        """Encode the captions of pairs, each of which counts once.

        Raises LibraryError when a photo of the pairs is not in the gallery.
        """
        keys = once_each(pairs)
        row = {key: i for i, key in enumerate(gallery.hashes)}
        if any(content_hash not in row for _, content_hash in keys):
            raise LibraryError(
                f"Photos just left the library at {library.path}. Evaluate it again."
            )
        captions = {text: i for i, text in enumerate(dict.fromkeys(text for text, _ in keys))}
        return cls(
            gallery=gallery,
            captions=tuple(captions),
            texts=encoder.encode_texts(list(captions)),
            caption_of=np.array([captions[text] for text, _ in keys]),
            photo_of=np.array([row[content_hash] for _, content_hash in keys]),
        )

    def rank_photos(self, *, depth: int) -> list[Place]:
        """Rank all photos of the gallery for each pair's caption; its own photo is the answer."""
        answers = list(self.photo_of.reshape(-1, 1))
        return place_all(self.texts[self.caption_of], self.gallery.vectors, answers, depth=depth)

    def rank_captions(self, pairs: Ids, *, depth: int) -> Ranked:
        """Rank the captions of some pairs, given by number, for each of their photos."""
        captions, column = np.unique(self.caption_of[pairs], return_inverse=True)
        asked, row = np.unique(self.photo_of[pairs], return_inverse=True)
        order = np.argsort(row, kind="stable")
        answers = np.split(column[order], np.cumsum(np.bincount(row))[:-1])
        places = place_all(self.gallery.vectors[asked], self.texts[captions], answers, depth=depth)
        return Ranked(asked, captions, places)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Photos that were asked about, and where each found its captions."""

    photos: Ids  # (n,) rows of the gallery
    captions: Ids  # (m,) rows of the trial's captions: the columns of places
    places: list[Place]
