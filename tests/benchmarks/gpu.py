"""Speed of a model in torch: images a second, and who waits for whom.

Usage: python tests/benchmarks/gpu.py FOLDER [MODEL | ARCH] [--device cuda|mps|cpu] [--count N]
       [--exact] [--compile]

Indexes the first N (1,000) photos of FOLDER into a fresh library, as `sightseek index` does; the
weights of an architecture without any (ViT-B-32-256) are random. On CUDA the device's time is
between events of its own, elsewhere it is that of the calls. Start-up and the first batch, which
probe and warm up, are not counted.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import open_clip
import torch

from indexer import Library, index_photos, load_encoder
from indexer.discover import discover
from indexer.encoders.architecture import describe
from indexer.encoders.devices import choose_device
from indexer.encoders.names import Pair
from indexer.encoders.openclip import OpenClipEncoder
from indexer.encoders.source import load_source
from indexer.loading import Loader
from indexer.pipeline import _Run
from indexer.records import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from indexer.loading import Outcome
    from indexer.records import Pixels, Vectors


@dataclass
class Clock:
    """Seconds spent in calls, whole and on the device."""

    seconds: float = 0.0
    busy: float = 0.0
    waiting: float = 0.0  # for decoded photos
    events: list[Any] = field(default_factory=list)

    def around(self, call: Callable[..., Any], device: str) -> Callable[..., Any]:
        """Measure what a device does in a call."""

        def run(*args: Any) -> Any:
            if device == "cuda":
                start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                start.record()
                result = call(*args)
                end.record()
                self.events.append((start, end))
                return result
            began = time.perf_counter()
            result = call(*args)
            if device == "mps":
                torch.mps.synchronize()
            self.busy += time.perf_counter() - began
            return result

        return run

    def waits(self, items: Iterable[Outcome]) -> Generator[Outcome, None, None]:
        """Measure how long each item is waited for."""
        iterator = iter(items)
        while True:
            began = time.perf_counter()
            item = next(iterator, None)
            self.waiting += time.perf_counter() - began
            if item is None:
                return
            yield item

    def total_busy(self) -> float:
        """Give the device's seconds."""
        return self.busy + sum(start.elapsed_time(end) for start, end in self.events) / 1000


class Timed:
    """An encoder whose calls are measured; all else is the encoder's own."""

    def __init__(self, encoder: OpenClipEncoder, clock: Clock) -> None:
        self._encoder, self._clock = encoder, clock
        encoder._encode_image = clock.around(encoder._encode_image, encoder.device)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Encode; the calls add up."""
        began = time.perf_counter()
        vectors = self._encoder.encode_images(images)
        self._clock.seconds += time.perf_counter() - began
        return vectors


def load(name: str, device: str, *, exact: bool, compiled: bool) -> OpenClipEncoder:
    """Load a model by name, or make one of an architecture with random weights."""
    if name not in open_clip.list_models():
        in_torch = exact or (device == "cpu" and not compiled)  # else a CPU takes the bundle
        encoder = load_encoder(name, device=device, exact=in_torch, compiled=compiled)
        assert isinstance(encoder, OpenClipEncoder)
        return encoder
    torch.manual_seed(0)
    source = load_source(describe(Pair(name, "random")), None, name="random")
    space = Space(name, "0" * 64, "0" * 64, int(source.architecture.content["embed_dim"]))
    chosen = choose_device(device)
    return OpenClipEncoder(source, space=space, device=chosen, exact=exact, compiled=compiled)


def decode(encoder: OpenClipEncoder, folder: Path) -> float:
    """Measure decoding alone, by threads: photos a second."""
    files = list(discover([folder]))
    began = time.perf_counter()
    count = sum(1 for _ in Loader(encoder, 10**9).load_all(files, (), ahead=64))
    return count / (time.perf_counter() - began)


def main() -> None:
    """Measure one run and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", nargs="?", default="ViT-B-32-256")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--compile", action="store_true")
    words = parser.parse_args()
    encoder = load(words.model, words.device, exact=words.exact, compiled=words.compile)
    sources = sorted(each for each in words.folder.rglob("*") if each.is_file())[: words.count]
    if not sources:
        sys.exit(f"{words.folder} holds no files")
    size = encoder.image_batch  # probes
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        photos.mkdir()
        for number, source in enumerate(sources):
            (photos / f"{number:06d}{source.suffix}").symlink_to(source.absolute())
        alone = decode(encoder, photos)
        image = Loader(encoder, 10**9).load(next(iter(discover([photos]))))
        encoder.encode_images([image.content.pixels] * size)  # warms up, and compiles
        clock = Clock()
        loaded = _Run._loaded
        _Run._loaded = lambda *args, **options: clock.waits(loaded(*args, **options))
        with Library.open(Path(scratch) / "library", writable=True) as library:
            began = time.perf_counter()
            report = index_photos([photos], library, Timed(encoder, clock))
            whole = time.perf_counter() - began
    show(encoder, clock, encoded=report.encoded, whole=whole, alone=alone)


def show(
    encoder: OpenClipEncoder, clock: Clock, *, encoded: int, whole: float, alone: float
) -> None:
    """Print what was measured."""
    device = encoder.device
    place = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or "CPU"
    busy = clock.total_busy()
    print(
        f"{encoder.space.model} on {device} ({place}), {encoder.dtype}, torch {torch.__version__}"
    )
    print(f"batch size                        {encoder.image_batch}")
    print(f"photos encoded                    {encoded}")
    print(f"images per second, end to end     {encoded / whole:.1f}")
    print(f"images per second, device alone   {encoded / busy:.1f}")
    print(f"photos per second, decoded alone  {alone:.1f}")
    print(f"device busy                       {busy / whole:.1%}")
    print(f"outside the model                 {1 - busy / whole:.1%}")
    print(f"  waiting for decoded photos      {clock.waiting / whole:.1%}")
    print(f"  staging, copies, normalising    {(clock.seconds - busy) / whole:.1%}")
    print(
        f"  listing, SQLite                 {(whole - clock.seconds - clock.waiting) / whole:.1%}"
    )


if __name__ == "__main__":
    main()
