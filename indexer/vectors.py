"""Unit vectors by id, and the nearest of them by cosine. Knows nothing of photos or SQL.

The only home of FAISS. A snapshot is a FAISS file with a trailer behind it that says which
state of the catalog it belongs to and how to tell damage; the catalog stays the truth.
"""

from __future__ import annotations

import json
import os
import struct
import threading
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from indexer.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from indexer.records import Ids, Vector, Vectors

_FOOT = struct.Struct("<II8s")  # checksum of all before it, length of the JSON, the magic
_MAGIC = b"sightsk1"
_CHUNK = 1 << 20
_SAMPLE = 4096  # vectors that tell how all lie


class FaissIndex:
    """Exact inner-product search over unit vectors, each known by the id of its embedding."""

    def __init__(self, index: Any, *, last_id: int) -> None:
        self._index = index  # faiss.IndexIDMap2 over IndexFlatIP
        self.last_id = last_id  # the highest id ever added; ids only grow
        self._lock = threading.RLock()  # FAISS must not search while it changes
        self._ids: Ids | None = None  # ascending; kept until the index changes, as samples are
        self._samples: dict[int, Vectors] = {}

    @classmethod
    def empty(cls, dim: int) -> FaissIndex:
        """Make an index without vectors."""
        import faiss

        return cls(faiss.IndexIDMap2(faiss.IndexFlatIP(dim)), last_id=0)

    @classmethod
    def load(cls, path: Path, *, token: str, dim: int) -> FaissIndex | None:
        """Read a snapshot; None when it is missing, damaged or of another catalog state."""
        import faiss

        try:
            with path.open("rb") as file:  # opened once: a writer may rename another over it
                trailer = _read_trailer(file)
                if trailer is None or (trailer["token"], trailer["dim"]) != (token, dim):
                    return None
                file.seek(0)
                index = faiss.read_index(faiss.PyCallbackIOReader(file.read))
        except (OSError, RuntimeError):  # FAISS says RuntimeError of what it cannot read
            return None
        return cls(index, last_id=trailer["last_id"])

    def save(self, path: Path, *, token: str) -> None:
        """Write a snapshot; a crash leaves the old file or the new one."""
        import faiss

        trailer = {
            "token": token,
            "dim": self._index.d,
            "last_id": self.last_id,
            "count": len(self),
        }
        text = json.dumps(trailer).encode()
        with replacing(path) as beside, beside.open("wb+") as file:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))
            file.write(text)
            size = file.tell()
            file.write(_FOOT.pack(_checksum(file, size), len(text), _MAGIC))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def ids(self) -> Ids:
        """The ids of all vectors, ascending; `(n,)`, not to be written to."""
        import faiss

        with self._lock:
            if self._ids is None:
                self._ids = np.sort(faiss.vector_to_array(self._index.id_map).astype(np.int64))
                self._ids.flags.writeable = False
            return self._ids

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add unit rows under new ids, each higher than any before."""
        if len(ids) == 0:
            return
        with self._lock:
            self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)
            self._forget()
        self.last_id = max(self.last_id, int(ids.max()))

    def remove(self, ids: Ids) -> None:
        """Remove vectors; ids that are not there do not matter."""
        import faiss

        if len(ids) == 0:
            return
        with self._lock:
            self._index.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(ids)))
            self._forget()

    def vectors(self, ids: Ids) -> Vectors:
        """Return the unit rows of these ids, which must be there, in their order; `(n, dim)`."""
        with self._lock:
            rows: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(ids, np.int64))
        return rows

    def search(
        self, query: Vector, top_k: int, *, allowed: Ids | None = None
    ) -> tuple[Vector, Ids]:
        """Return the scores (cosines) and ids of the best `top_k` for one unit vector.

        Best first; those of equal score stand by id. With `allowed`, the best of these ids alone.
        Both arrays are `(min(top_k, n),)`.
        """
        import faiss

        top_k = min(top_k, len(self) if allowed is None else len(allowed))
        if top_k <= 0:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        only = None if allowed is None else _only(allowed)
        # memory is what bounds one query: more threads only wait for each other
        faiss.omp_set_num_threads(1)
        with self._lock:
            row = query.reshape(1, -1).astype(np.float32)
            scores, ids = self._index.search(row, top_k, params=only)
        order = np.lexsort((ids[0], -scores[0]))
        order = order[ids[0][order] >= 0]  # FAISS fills up with -1 where a vector has no score
        return np.clip(scores[0][order], -1, 1), ids[0][order]  # rounding may pass 1

    def rows(self, ids: Ids) -> tuple[Ids, Vectors]:
        """Return those of some ids that are there, with their vectors; `(n,)` and `(n, dim)`."""
        with self._lock:
            held = ids[_is_among(self.ids, ids)]
            rows: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(held))
        return held, rows

    def sample(self, count: int, *, allowed: Ids | None = None) -> Vectors:
        """Return up to `count` vectors, spread evenly over all, or over `allowed`; `(n, dim)`.

        They are not to be written to.
        """
        if allowed is not None:
            return self._evenly(np.sort(allowed), count)
        with self._lock:
            if count not in self._samples:
                self._samples[count] = self._evenly(self.ids, count)
                self._samples[count].flags.writeable = False
            return self._samples[count]

    def spread(self, query: Vector) -> tuple[float, float]:
        """Return mean and deviation of the cosines to one unit vector, of vectors evenly chosen.

        0 and 0 where there is none.
        """
        rows = self.sample(_SAMPLE)
        if not len(rows):
            return 0.0, 0.0
        cosines = rows @ query.astype(np.float32)
        return float(np.nanmean(cosines)), float(np.nanstd(cosines))

    def _evenly(self, ids: Ids, count: int) -> Vectors:
        return self.rows(ids[:: max(1, -(-len(ids) // count))])[1]

    def _forget(self) -> None:
        self._ids = None
        self._samples = {}


def snapshot_holds(path: Path, *, token: str) -> tuple[int, int] | None:
    """Return the last id and the count of a sound snapshot, without FAISS; None if it is not."""
    try:
        with path.open("rb") as file:
            trailer = _read_trailer(file)
    except OSError:
        return None
    if trailer is None or trailer["token"] != token:
        return None
    return trailer["last_id"], trailer["count"]


def _is_among(known: Ids, ids: Ids) -> npt.NDArray[np.bool_]:
    """Tell which ids are among those known, which ascend."""
    if not len(known):
        return np.zeros(len(ids), bool)
    places = np.searchsorted(known, ids).clip(max=len(known) - 1)
    is_known: npt.NDArray[np.bool_] = known[places] == ids
    return is_known


def _only(ids: Ids) -> Any:
    import faiss

    return faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.ascontiguousarray(ids)))


def _read_trailer(file: BinaryIO) -> dict[str, Any] | None:
    end = file.seek(0, os.SEEK_END) - _FOOT.size
    if end < 0:
        return None
    file.seek(end)
    checksum, length, magic = _FOOT.unpack(file.read())
    if magic != _MAGIC or length > end or _checksum(file, end) != checksum:
        return None
    file.seek(end - length)
    try:
        trailer = json.loads(file.read(length))
    except ValueError:
        return None
    # the length is all that the checksum does not cover
    return trailer if isinstance(trailer, dict) else None


def _checksum(file: BinaryIO, size: int) -> int:
    """Sum up the first `size` bytes, and leave the file behind them."""
    checksum = 0
    file.seek(0)
    while size > 0 and (chunk := file.read(min(_CHUNK, size))):
        checksum = zlib.crc32(chunk, checksum)
        size -= len(chunk)
    return checksum
