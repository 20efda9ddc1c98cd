"""sightseek beside rclip, another search engine for photos: indexing a folder, a cold text search.

Usage: RCLIP_DATADIR=FILES python tests/benchmarks/against_rclip.py PHOTOS RCLIP MODEL [ROUNDS]

PHOTOS is a folder of JPEGs, RCLIP the command line that runs rclip (its path in full), MODEL what
`sightseek index` takes as --model; to compare engines and not models, a ViT-B-32-256. To set up
rclip, which wants Python 3.12 or 3.13:

    python3.12 -m venv /tmp/rclip && /tmp/rclip/bin/pip install rclip==4.0.8
    python tests/benchmarks/rclip_files.py /tmp/rclip-files /tmp/vit-b-32-256.pt
    RCLIP_DATADIR=/tmp/rclip-files python tests/benchmarks/against_rclip.py \
        PHOTOS /tmp/rclip/bin/rclip MODEL 3

The second line stands in for rclip's download, with random weights: rclip itself runs unmodified.
Whole processes are timed, in turn, on warm disk caches and after each has run once on one photo:
of indexing the least time and the median memory of ROUNDS (1), of searches, five a round, the
medians. Each run's own figures go to stderr: rclip's peak varies by 170 MB from run to run.

How rclip is run favours it. It only indexes on the way to a query, so here it indexes for a photo,
which spares it loading its text tower; and --no-indexing spares its searches the look over the
folder that they take by default. sightseek's index also reads captions and EXIF facts. What favours
sightseek is precision: rclip computes in fp32, a bundle of 8-bit weights approximates that.
"""

from __future__ import annotations

import os
import shlex
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO

from whole_process import COMMAND

QUERY = "a dog on a beach"
SEARCHES = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    megabytes: float  # peak resident set


@dataclass(frozen=True, slots=True)
class Engine:
    """How one engine indexes a folder of photos, searches it, and lists all that it has indexed."""

    name: str
    index: list[str]
    search: list[str]
    listing: list[str]
    folder: Path  # rclip indexes the one it runs in
    data: Path  # rclip's index; sightseek's is named in its words

    def start(self, words: list[str], *, stdout: int, stderr: IO[str] | int) -> Popen[str]:
        environment = {**os.environ, "RCLIP_DATADIR": str(self.data)}
        return Popen(
            words, cwd=self.folder, env=environment, stdout=stdout, stderr=stderr, text=True
        )

    def measure(self, words: list[str]) -> Cost:
        """Run a process and wait for it."""
        with (self.data / "stderr").open("w+") as stderr:
            started = time.perf_counter()
            process = self.start(words, stdout=DEVNULL, stderr=stderr)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            if status:
                stderr.seek(0)
                sys.exit(f"{shlex.join(words)} failed:\n{stderr.read()}")
        cost = Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
        print(f"{self.name}: {cost}", file=sys.stderr)
        return cost

    def indexed(self) -> int:
        """How many photos a search can find: rclip ends well even where it has encoded none."""
        output, _ = self.start(self.listing, stdout=PIPE, stderr=DEVNULL).communicate()
        return len(output.splitlines())


def rclip(command: list[str], folder: Path, scratch: Path) -> Engine:
    """rclip with a fresh index and the prepared files."""
    data = scratch / "rclip"
    data.mkdir()
    for path in Path(os.environ["RCLIP_DATADIR"]).resolve().iterdir():
        if not path.name.startswith("db.sqlite3"):
            (data / path.name).symlink_to(path)
    return Engine(
        "rclip",
        [*command, "--filepath-only", str(photos_in(folder)[0])],
        [*command, "--no-indexing", QUERY],
        [*command, "--no-indexing", "--filepath-only", "--top", "1000000", QUERY],
        folder,
        data,
    )


def sightseek(model: str, folder: Path, scratch: Path) -> Engine:
    """sightseek with a fresh library."""
    library = ["--library", str(scratch / "library")]
    return Engine(
        "sightseek",
        [COMMAND, "index", str(folder), *library, "--model", model, "--quiet"],
        [COMMAND, "search", QUERY, *library, "--json"],
        [COMMAND, "search", QUERY, *library, "--paths", "-k", "1000000"],
        Path.cwd(),
        scratch,
    )


def photos_in(folder: Path) -> list[Path]:
    """The JPEGs of a folder, read once so that the disk's cache holds them."""
    return [path for path in sorted(folder.rglob("*.jp*g")) if path.read_bytes()]


def warm_up(photo: Path, command: list[str], model: str) -> None:
    """Run both on one photo: reads their files, and lets sightseek convert MODEL if it must."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photos"
        folder.mkdir()
        (folder / photo.name).write_bytes(photo.read_bytes())
        for engine in (
            rclip(command, folder, Path(scratch)),
            sightseek(model, folder, Path(scratch)),
        ):
            engine.measure(engine.index)
            engine.measure(engine.search)


def index(engines: list[Engine], photos: int) -> list[Cost]:
    """Index with each engine in turn."""
    costs = [engine.measure(engine.index) for engine in engines]
    for engine in engines:
        if engine.indexed() != photos:
            sys.exit(f"{engine.name} indexed {engine.indexed()} of {photos} photos")
    return costs


def search(engines: list[Engine]) -> list[list[Cost]]:
    """Search with each engine in turn, several times."""
    return [[engine.measure(engine.search) for engine in engines] for _ in range(SEARCHES)]


def median(costs: tuple[Cost, ...]) -> Cost:
    """The median of each figure."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        statistics.median(cost.megabytes for cost in costs),
    )


def least(costs: tuple[Cost, ...]) -> Cost:
    """The least time, which other work on the machine lengthened least, and the median memory."""
    return Cost(
        min(cost.seconds for cost in costs),
        min(cost.cpu_seconds for cost in costs),
        statistics.median(cost.megabytes for cost in costs),
    )


def show(name: str, theirs: float, ours: float) -> None:
    """Print one line."""
    print(f"{name:22}{theirs:10.2f}{ours:11.2f}{ours / theirs:19.2f}", flush=True)


def main() -> None:
    """Measure both and print a table."""
    folder, command, model = Path(sys.argv[1]).resolve(), shlex.split(sys.argv[2]), sys.argv[3]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    photos = photos_in(folder)
    warm_up(photos[0], command, model)
    indexing, searching = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as scratch:
            engines = [
                rclip(command, folder, Path(scratch)),
                sightseek(model, folder, Path(scratch)),
            ]
            indexing.append(index(engines, len(photos)))
            searching.extend(search(engines))
    their_index, our_index = map(least, zip(*indexing, strict=True))
    their_search, our_search = map(median, zip(*searching, strict=True))
    print(f"{len(photos)} photos, {os.cpu_count()} cores, sightseek --model {model}")
    print(f"{'':22}{'rclip':>10}{'sightseek':>11}{'sightseek / rclip':>19}")
    show("index, photos/s", len(photos) / their_index.seconds, len(photos) / our_index.seconds)
    show("index, CPU s", their_index.cpu_seconds, our_index.cpu_seconds)
    show("index, peak MB", their_index.megabytes, our_index.megabytes)
    show("cold search, s", their_search.seconds, our_search.seconds)
    show("cold search, CPU s", their_search.cpu_seconds, our_search.cpu_seconds)
    show("cold search, peak MB", their_search.megabytes, our_search.megabytes)


if __name__ == "__main__":
    main()
