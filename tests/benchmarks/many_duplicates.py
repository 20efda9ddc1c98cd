"""Seconds and memory that grouping the duplicates of a large library takes, on made-up photos.

    python tests/benchmarks/many_duplicates.py [PHOTOS] [DIM]

Vectors lie in clusters, as those of photos do; thumbnails are noise of 1/f, as photos are. A tenth
of all are near copies of another.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time

import numpy as np
from sqlalchemy import insert

from indexer import Library
from indexer.catalog import appearances, embeddings, spaces
from indexer.catalog.schema import photo
from indexer.records import GLANCE, READING, Appearance, Space
from search.duplicates.find import find_duplicates

_BLOCK = 10_000


def main(count: int, dim: int) -> None:
    """Make a library of `count` photos, group them, and print what it took."""
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, writable=True) as library:
        copies = fill(library, count, dim)
        library.save_snapshots()
        started, busy = time.perf_counter(), time.process_time()
        found = find_duplicates(library)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        pairs = {
            tuple(sorted((group.keeper.photo.id, other.photo.id)))
            for group in found.groups
            for other in group.others
        }
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{count:,} photos, {dim} dimensions: {seconds:.1f} s ({busy:.1f} s of CPU), "
            f"{memory:.1f} GB at most; "
            f"{len(found.groups):,} groups, {len(copies & pairs):,} of {len(copies):,} copies found"
        )


def fill(library: Library, count: int, dim: int) -> set[tuple[int, int]]:
    """Write photos with vectors and thumbnails; return the ids of those that are copies."""
    random = np.random.default_rng(7)
    space_id = library.use_space(Space("made up", "0" * 64, "0" * 64, dim))
    centres = random.standard_normal((max(1, count // 50), dim)).astype(np.float32)
    vectors = centres[random.integers(0, len(centres), count)]
    vectors += 0.9 * random.standard_normal((count, dim)).astype(np.float32)
    looks = np.concatenate([noise(random, _BLOCK) for _ in range(-(-count // _BLOCK))])[:count]
    chosen = random.permutation(count)[: count // 10 * 2].reshape(2, -1)
    near = 0.15 * random.standard_normal((chosen.shape[1], dim)).astype(np.float32)
    vectors[chosen[0]] = vectors[chosen[1]] + near
    looks[chosen[0]] = looks[chosen[1]] + 4 * random.standard_normal((GLANCE, GLANCE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    thumbnails = looks.clip(0, 255).astype(np.uint8)
    keys = [number.to_bytes(16, "big") for number in range(1, count + 1)]
    facts = {"width": 4000, "height": 3000, "format": "JPEG", "reading": READING}
    with library.writing() as connection:
        for at in range(0, count, _BLOCK):
            block = range(at, min(at + _BLOCK, count))
            rows = [
                {
                    "id": row + 1,
                    "path": f"/made/up/{row // 1000}/{row}.jpg",
                    "size": 3_000_000 + row,
                    "mtime_ns": row,
                    "content_hash": keys[row],
                    "indexed_at": "2026-01-01T00:00:00+00:00",
                    **facts,
                }
                for row in block
            ]
            connection.execute(insert(photo), rows)
            by_key = {keys[row]: vectors[row] for row in block}
            embeddings.add(connection, embeddings.PHOTOS, space_id, by_key)
            seen = {keys[row]: Appearance(thumbnails[row].tobytes(), 100.0) for row in block}
            appearances.put(connection, seen)
        spaces.make_current(connection, space_id)
    return {(min(a, b), max(a, b)) for a, b in (chosen.T + 1).tolist()}


def noise(random: np.random.Generator, count: int) -> np.ndarray:
    """Make pictures whose amplitudes fall with frequency; `(count, GLANCE, GLANCE)`."""
    across, down = np.fft.rfftfreq(GLANCE), np.fft.fftfreq(GLANCE)[:, None]
    falling = 1 / np.maximum(np.hypot(across, down), 1 / GLANCE)
    white = np.fft.rfft2(random.standard_normal((count, GLANCE, GLANCE)))
    pictures = np.fft.irfft2(white * falling).astype(np.float32)
    return 128 + 50 * pictures / pictures.std(axis=(1, 2), keepdims=True)


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:]]
    main(*(sizes + [100_000, 512][len(sizes) :]))
