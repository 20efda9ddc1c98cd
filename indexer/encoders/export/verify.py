"""How far ONNX towers stray from the torch model that they were made of, on real inputs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.decode.photo import decode, read_photo
from indexer.encoders.agreement import measure_agreement
from indexer.encoders.bundle import open_session
from indexer.encoders.export.towers import EMBEDDINGS
from indexer.encoders.preprocess import preprocess
from indexer.encoders.tokens import TextTokenizer
from indexer.sample import sample_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL import Image

    from indexer.encoders.manifest import Agreement, TextSettings
    from indexer.encoders.source import Source
    from indexer.records import Vectors

PART = 0.6  # of a photo's sides, in each of its two crops
SIDE = 512  # pixels, from which photos are made to fit
IMAGES, TEXTS = 4, 16  # in a batch

_PHRASES = ("{}", "a photo of {}", "{} at night", "an old black and white picture: {}")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a tower is given, in batches, and what torch makes of it."""

    input: str
    batches: Sequence[npt.NDArray[Any]]
    expected: Vectors  # (n, dim), unit rows

    def half(self, which: int) -> Trial:
        """Give every other batch, from the first (0) or the second (1) on."""
        ends = np.cumsum([len(batch) for batch in self.batches])[:-1]
        rows = np.split(self.expected, ends)
        return Trial(self.input, self.batches[which::2], np.concatenate(rows[which::2]))

    def run(self, graph: bytes | Path) -> Agreement:
        """Compare a tower's graph with torch; raises ModelError where it does not run."""
        session = open_session(graph)
        found = [session.run([EMBEDDINGS], {self.input: batch})[0] for batch in self.batches]
        return measure_agreement(_unit(found), self.expected)


def try_images(source: Source) -> Trial:
    """Ask torch for the photos that come with sightseek and two crops of each."""
    import torch

    wanted = source.architecture.preprocessing
    pixels = [preprocess(image, wanted) for image in _views()]
    batches = [np.stack(pixels[at : at + IMAGES]) for at in range(0, len(pixels), IMAGES)]
    with torch.inference_mode():
        rows = [source.model.encode_image(torch.from_numpy(batch)).numpy() for batch in batches]
    return Trial("pixels", batches, _unit(rows))


def try_texts(source: Source, tokenizer: str, settings: TextSettings) -> Trial:
    """Ask torch for their captions, as they are and within longer texts.

    Torch gets the ids of open_clip's tokenizer, a bundle those of the exported one.
    """
    import torch

    with (sample_folder() / "captions.csv").open(newline="", encoding="utf-8") as file:
        captions = [row["caption"] for row in csv.DictReader(file)]
    texts = [phrase.format(caption) for phrase in _PHRASES for caption in captions]
    ours = TextTokenizer.parse(tokenizer.encode(), settings)
    some = [texts[at : at + TEXTS] for at in range(0, len(texts), TEXTS)]
    with torch.inference_mode():
        rows = [source.model.encode_text(source.tokenizer(each)).numpy() for each in some]
    return Trial("input_ids", [ours.pad(ours.ids(each))[0] for each in some], _unit(rows))


@cache
def _views() -> tuple[Image.Image, ...]:
    views: list[Image.Image] = []
    for path in sorted(sample_folder().glob("*.jpg")):
        photo = decode(read_photo(path), path=path, min_side=SIDE).image
        width, height = photo.size
        across, down = round(width * PART), round(height * PART)
        top, bottom = (0, 0, across, down), (width - across, height - down, width, height)
        views += [photo, photo.crop(top), photo.crop(bottom)]
    return tuple(views)


def _unit(blocks: Sequence[Vectors]) -> Vectors:
    rows = np.concatenate(blocks)
    unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
