"""What `sightseek serve` takes: a cold start, requests of many clients, memory after very many.

Usage: python tests/benchmarks/serving.py prepare PHOTOS FOLDER    once; indexes 10,000 photos
       python tests/benchmarks/serving.py load FOLDER [SECONDS]    18 lines of SECONDS (8) each
       python tests/benchmarks/serving.py memory FOLDER [REQUESTS]
       python tests/benchmarks/serving.py start FOLDER

PHOTOS is a folder of at least 5,000 photos. FOLDER gets 10,000: those, some of them mirrored, and
200 of 12 megapixels; and as many more, turned, that are indexed while clients ask. Each client has
a connection of its own and asks again when it has its answer; told to come again (429), it waits
as long as it was told. Clients run in a process of their own on the same cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND = str(Path(sysconfig.get_path("scripts")) / "sightseek")
PHOTOS, LARGE, MORE = 10_000, 200, 10_000
WORDS = (  # a search has one of each, in order
    "red,orange,yellow,green,blue,purple,pink,brown,black,white,grey,golden",
    "dog,cat,horse,bird,boat,car,bicycle,train,plane,tree,flower,beach,mountain,river,bridge,house,"
    "church,street,market,cup,plate,cake,child,woman,man,crowd,lamp,chair,clock,guitar,camera",
    "on+a+table,in+the+snow,at+night,by+the+sea,in+a+garden,on+grass,indoors,in+town",
)


def prepare(photos: Path, folder: Path) -> None:
    """Make the photos and their library."""
    sources = sorted(path for path in photos.iterdir() if path.suffix in {".jpg", ".jpeg"})
    held, more = folder / "photos", folder / "more"
    for each in (held, more):
        each.mkdir(parents=True)
    for number in range(PHOTOS):
        source = sources[number % len(sources)]
        path = held / f"{number:05}.jpg"
        if number < LARGE:
            with Image.open(source) as image:
                image.convert("RGB").resize((4000, 3000)).save(path, quality=90)
        elif number < len(sources):
            shutil.copy(source, path)
        else:
            save_turned(source, path, Image.Transpose.FLIP_LEFT_RIGHT)
    for number in range(MORE):
        path = more / f"{number:05}.jpg"
        how = (
            Image.Transpose.FLIP_TOP_BOTTOM if number < len(sources) else Image.Transpose.ROTATE_180
        )
        save_turned(sources[number % len(sources)], path, how)
    words = ["index", str(held), "--library", str(folder / "library"), "--model", "builtin"]
    subprocess.run([COMMAND, *words], check=True)


def save_turned(source: Path, path: Path, how: Image.Transpose) -> None:
    """Save a photo as another one."""
    with Image.open(source) as image:
        image.convert("RGB").transpose(how).save(path, quality=90)


@dataclass(frozen=True, slots=True)
class Served:
    """A server, and what it serves."""

    process: subprocess.Popen[str]
    port: int
    library: Path

    @property
    def megabytes(self) -> float:
        """What it holds in memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve a copy of the library, with a cache of thumbnails that is empty."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        library = Path(temporary) / "library"
        shutil.copytree(folder / "library", library)
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", "--library", str(library), "-q"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(Path(temporary) / "cache")},
        )
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().strip().rstrip("/").rpartition(":")[2])
            yield Served(process, port, library)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


@dataclass(slots=True)
class Tally:
    """What clients saw."""

    seconds: list[float] = field(default_factory=list)  # of each answer
    busy: int = 0
    failed: int = 0
    started: float = field(default_factory=time.perf_counter)

    def line(self, name: str) -> str:
        """Give the figures of one run."""
        took = time.perf_counter() - self.started
        cuts = quantiles(self.seconds, n=100) if len(self.seconds) > 1 else [0.0] * 99
        return (
            f"{name:42}{len(self.seconds) / took:8.1f}/s"
            f"{1000 * cuts[49]:9.1f} ms{1000 * cuts[98]:9.1f} ms{self.busy:7}{self.failed:7}"
        )


async def get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
) -> tuple[int, dict[str, str], bytes]:
    """Ask for a path over a connection that stays open."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (each.partition(":") for each in head[1:])
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers, body


async def ask(
    port: int, path: Callable[[], str], *, clients: int, enough: Callable[[Tally], bool]
) -> Tally:
    """Let clients ask until it is enough."""
    tally = Tally()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not enough(tally):
            asked = time.perf_counter()
            code, headers, _ = await get(reader, writer, path())
            if code == 429:
                tally.busy += 1
                await asyncio.sleep(int(headers["retry-after"]))
            elif code == 200:
                tally.seconds.append(time.perf_counter() - asked)
            else:
                tally.failed += 1
            if headers.get("connection") == "close":
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return tally


def search() -> str:
    """Give a search that is hardly ever asked twice: 3,000 texts."""
    words = "+".join(random.choice(each.split(",")) for each in WORDS)
    return f"/api/v1/search?limit=60&q=a+{words}"


@dataclass(slots=True)
class Thumbnails:
    """Thumbnails of one size: of photos one after the other, or of some again and again."""

    ids: range
    size: int
    again: bool = False
    at: int = 0

    def __call__(self) -> str:
        """Give the next."""
        number = random.choice(self.ids) if self.again else self.ids[self.at % len(self.ids)]
        self.at += 1
        return f"/api/v1/photos/{number}/thumbnail?size={self.size}"


def load(folder: Path, seconds: float) -> None:
    """Measure requests of 1, 8 and 32 clients, without and with an indexer at work."""
    print(f"{'':42}{'answers':>10}{'p50':>12}{'p99':>12}{'429':>7}{'failed':>7}")
    for indexing in (False, True):
        with served(folder) as server:
            warm_up(server.port)
            with indexer(server, folder) if indexing else idle() as done:
                begun, before = time.perf_counter(), done()
                for clients, first in ((1, 201), (8, 2201), (32, 4201)):
                    kinds = {
                        "searches": search,
                        "thumbnails, made": Thumbnails(range(first, first + 2000), 320),
                        "thumbnails, made, 12 MP": Thumbnails(
                            range(1, LARGE + 1), {1: 160, 8: 320, 32: 640}[clients]
                        ),
                        "thumbnails, kept": Thumbnails(range(first, first + 100), 320, again=True),
                    }
                    for kind, path in kinds.items():
                        name = f"{kind}, {clients} client{'s' * (clients > 1)}"
                        print(measured(server.port, path, clients, seconds).line(name), flush=True)
                took = time.perf_counter() - begun
            if indexing:
                print(f"meanwhile {(done() - before) / took:.1f} photos/s were indexed")


def measured(port: int, path: Callable[[], str], clients: int, seconds: float) -> Tally:
    """Ask for some seconds; of pictures that must be made, until each was."""
    until = time.perf_counter() + seconds

    def enough(_: Tally) -> bool:
        is_through = isinstance(path, Thumbnails) and not path.again and path.at >= len(path.ids)
        return time.perf_counter() > until or is_through

    return asyncio.run(ask(port, path, clients=clients, enough=enough))


def warm_up(port: int) -> None:
    """Ask for what every server is asked for first."""
    asyncio.run(ask(port, search, clients=2, enough=lambda tally: len(tally.seconds) >= 50))


@contextmanager
def indexer(server: Served, folder: Path) -> Iterator[Callable[[], int]]:
    """Index more photos meanwhile; gives how many the library holds."""
    words = ["index", str(folder / "more"), "--library", str(server.library), "-q"]
    process = subprocess.Popen([COMMAND, *words], stdout=subprocess.DEVNULL)

    async def ask_status() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        _, _, body = await get(reader, writer, "/api/v1/status")
        writer.close()
        return int(json.loads(body)["photos"])

    def held() -> int:
        return asyncio.run(ask_status())

    try:
        while held() == PHOTOS:
            time.sleep(0.2)
        yield held
        if process.poll() is not None:
            print("the indexer was through before the clients were: prepare more photos")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextmanager
def idle() -> Iterator[Callable[[], int]]:
    """Do nothing meanwhile."""
    yield lambda: 0


def memory(folder: Path, requests: int) -> None:
    """Measure the server's memory while it answers very many requests: a search in twenty."""
    kept = Thumbnails(range(201, 2201), 320, again=True)

    def path() -> str:
        return search() if random.random() < 0.05 else kept()

    share = requests // 5

    def enough(tally: Tally) -> bool:
        return len(tally.seconds) >= share

    with served(folder) as server:
        warm_up(server.port)
        print(f"{0:8,} requests {server.megabytes:8.1f} MB", flush=True)
        for done in range(share, requests + 1, share):
            asyncio.run(ask(server.port, path, clients=8, enough=enough))
            print(f"{done:8,} requests {server.megabytes:8.1f} MB", flush=True)


def start(folder: Path) -> None:
    """Measure how long it takes from the command to its address, the page and a first result."""
    for _ in range(5):
        started = time.perf_counter()
        with served(folder) as server:
            times = [time.perf_counter() - started]
            for path in ("/", search()):

                async def once(path: str = path, port: int = server.port) -> int:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    code, _, _ = await get(reader, writer, path)
                    writer.close()
                    return code

                code = asyncio.run(once())
                times.append(time.perf_counter() - started)
                assert code == 200, (path, code)
        print("address {:.2f} s, page {:.2f} s, first result {:.2f} s".format(*times), flush=True)


def main() -> None:
    """Run what was asked for."""
    random.seed(0)
    match sys.argv[1:]:
        case ["prepare", photos, folder]:
            prepare(Path(photos), Path(folder))
        case ["load", folder, *rest]:
            load(Path(folder), float(rest[0]) if rest else 8.0)
        case ["memory", folder, *rest]:
            memory(Path(folder), int(rest[0]) if rest else 50_000)
        case ["start", folder]:
            start(Path(folder))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
