"""Whole-process figures: indexing a folder of photos, indexing it again, a cold text search.

Usage: python tests/benchmarks/whole_process.py FOLDER [COUNT]

Each line is a process of its own: seconds, peak memory, and its ratio to a floor measured in the
same run: bare decoding for indexing, a bare listing for indexing again, bare imports for a search.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

COMMAND = str(Path(sysconfig.get_path("scripts")) / "sightseek")

DECODE = """
import sys
from pathlib import Path
from indexer.decode.photo import decode, read_photo
for path in sorted(Path(sys.argv[1]).iterdir()):
    decode(read_photo(path), path=path, min_side=260)
"""
LIST = "import os, sys; print(sum(e.stat().st_size for e in os.scandir(sys.argv[1])))"
IMPORT = "import numpy, faiss, sqlalchemy, onnxruntime, tokenizers"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    seconds: float
    megabytes: float  # peak resident set


def measure(*words: str, runs: int = 1) -> Cost:
    """Run a process and wait for it; the fastest of `runs`."""
    costs = []
    for _ in range(runs):
        started = time.perf_counter()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{' '.join(words)} failed")
        costs.append(Cost(time.perf_counter() - started, usage.ru_maxrss / 1024))
    return min(costs, key=lambda cost: cost.seconds)


def show(name: str, cost: Cost, floor: Cost, floor_name: str, *, photos: int = 0) -> None:
    """Print one line."""
    rate = f"{photos / cost.seconds:7.1f} photos/s" if photos else " " * 16
    ratio = f"{cost.seconds / floor.seconds:5.2f} x {floor_name} ({floor.seconds:.2f} s)"
    print(f"{name:24}{cost.seconds:7.2f} s {rate} {cost.megabytes:6.0f} MB  {ratio}")


def main() -> None:
    """Measure on a copy of the first COUNT files of FOLDER."""
    source, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with tempfile.TemporaryDirectory() as scratch:
        photos, library = Path(scratch) / "photos", f"{scratch}/library"
        photos.mkdir()
        for path in sorted(source.iterdir())[:count]:
            shutil.copy(path, photos)
        python, folder = sys.executable, str(photos)
        print(f"{count} photos, {os.cpu_count()} cores")
        decode = measure(python, "-c", DECODE, folder)
        index = [COMMAND, "index", folder, "--library", library, "--quiet"]
        show("index", measure(*index), decode, "decoding", photos=count)
        listing = measure(python, "-c", LIST, folder, runs=3)
        show("index again", measure(*index, runs=3), listing, "listing", photos=count)
        search = [COMMAND, "search", "a dog on a beach", "--library", library]
        imports = measure(python, "-c", IMPORT, runs=5)
        show("search, cold process", measure(*search, runs=5), imports, "imports")


if __name__ == "__main__":
    main()
