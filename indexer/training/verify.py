"""Whether small towers may stand for those that they were made of, and how fast they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from indexer.decode.photo import decode, read_photo
from indexer.encoders.agreement import agrees, measure_agreement
from indexer.encoders.manifest import IMAGE_TOWER, TEXT_TOWER
from indexer.training.frozen import FrozenPhotos, FrozenTexts, freeze_photos, freeze_texts
from indexer.training.measure import Speed, best_seconds, median_seconds
from indexer.training.pack import THREADS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.encoders.bundle import BundleEncoder
    from indexer.encoders.manifest import Agreement
    from indexer.records import Pixels
    from indexer.training.features import FeatureCache
    from indexer.training.fit import Classroom, Fitted
    from indexer.training.heads import Floats
    from indexer.training.pack import Towers

RECALL_MARGIN = 0.005  # of recall@10, that a small tower may lose
COMPARED = 500  # photos, and captions
TIMED_PHOTOS, TIMED_QUERIES = 32, 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What two bundles are compared by: photos and texts that calibrated nothing."""

    pixels: Sequence[Pixels]
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Examiner:
    """Compares bundles by captioned photos that the measured heads never saw: rows `held`."""

    base: BundleEncoder
    room: Classroom
    held: frozenset[int]

    def inputs(self, photos: Sequence[int]) -> Inputs:
        """Choose from the rows `photos`, captioned ones first, and from captions held out."""
        captioned = [row for row in photos if row in self.held]
        others = [row for row in photos if row not in self.held]
        chosen = spread(captioned, COMPARED)
        chosen += spread(others, COMPARED - len(chosen))
        captions = self.room.lessons.collection.captions
        texts = dict.fromkeys(said.text for said in captions if said.photo in self.held)
        return Inputs([self.pixels(row) for row in chosen], spread(list(texts), COMPARED))

    def pixels(self, row: int) -> Pixels:
        """Read one photo as the base wants it."""
        path = self.room.lessons.collection.photos[row].path
        decoded = decode(read_photo(path), path=path, min_side=self.base.image_size)
        return self.base.preprocess(decoded.image)

    def recall_changes(self, small: FeatureCache, fitted: Fitted) -> dict[str, float]:
        """Give what each small tower changes of text-to-photo recall@10, in fractions of 1."""
        rooms = {
            IMAGE_TOWER: replace(self.room, photos=self._photos(small)),
            TEXT_TOWER: replace(self.room, texts=self._texts(small)),
        }
        before = self._recall_at_10(self.room, fitted)
        return {name: self._recall_at_10(room, fitted) - before for name, room in rooms.items()}

    def _photos(self, small: FeatureCache) -> FrozenPhotos:
        photos = self.room.lessons.collection.photos
        rows = sorted(self.held)
        seen = freeze_photos(small, [photos[row] for row in rows])
        return replace(
            self.room.photos,
            views=(tuple(_placed(block, rows, len(photos)) for block in seen.views[0]),),
            base=_placed(seen.base, rows, len(photos)),
        )

    def _texts(self, small: FeatureCache) -> FrozenTexts:
        lessons = self.room.lessons
        captions = lessons.collection.captions
        rows = sorted({lessons.row_of[said.text] for said in captions if said.photo in self.held})
        heard = freeze_texts(small, [lessons.texts[row] for row in rows])
        count = len(lessons.texts)
        return FrozenTexts(
            blocks=tuple(_placed(block, rows, count) for block in heard.blocks),
            base=_placed(heard.base, rows, count),
            nearest=None if heard.nearest is None else _placed(heard.nearest, rows, count),
        )

    def _recall_at_10(self, room: Classroom, fitted: Fitted) -> float:
        found = room.retrievals(fitted, self.held, self.held)
        return float(np.mean([each.text_to_image.at_10 for each in found]))


def compare(small: BundleEncoder, source: BundleEncoder, inputs: Inputs) -> dict[str, Agreement]:
    """Give the cosines between two bundles' vectors, by tower."""
    return {
        IMAGE_TOWER: measure_agreement(
            small.encode_images(inputs.pixels), source.encode_images(inputs.pixels)
        ),
        TEXT_TOWER: measure_agreement(
            small.encode_texts(inputs.texts), source.encode_texts(inputs.texts)
        ),
    }


def choose(plain: Towers, small: Towers, agreements: Mapping[str, Agreement]) -> Towers:
    """Take each small tower that agrees and finds as many photos, and else the plain one."""
    image = small if is_good(agreements[IMAGE_TOWER]) else plain
    text = small if is_good(agreements[TEXT_TOWER]) else plain
    return replace(image, text=text.text, text_precision=text.text_precision)


def is_good(agreement: Agreement) -> bool:
    """Tell whether a tower may be small."""
    return agrees(agreement) and (agreement.recall_at_10_change or 0) >= -RECALL_MARGIN


def time_bundle(small: BundleEncoder, source: BundleEncoder, inputs: Inputs) -> Speed:
    """Time both image towers in turn, and the small text tower on one query at a time."""
    pixels = inputs.pixels[:TIMED_PHOTOS]
    queries = inputs.texts[:TIMED_QUERIES]
    encoders = {"small": small, "source": source}
    for encoder in encoders.values():
        encoder.encode_images(pixels[:1])
    small.encode_texts(queries)
    seconds = best_seconds({k: partial(e.encode_images, pixels) for k, e in encoders.items()})
    return Speed(
        images_per_second=round(len(pixels) / seconds["small"], 1),
        source_images_per_second=round(len(pixels) / seconds["source"], 1),
        query_milliseconds=round(
            1000 * median_seconds([partial(small.encode_texts, [text]) for text in queries]), 2
        ),
        threads=THREADS,
    )


def spread(values: list[T], count: int) -> list[T]:
    """Choose `count` values evenly, or all where there are fewer."""
    if count <= 0 or not values:
        return []
    places = np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int)
    return [values[place] for place in places]


def _placed(rows: Floats, places: list[int], count: int) -> Floats:
    """Put rows where they belong among `count`; the others stay 0."""
    placed = np.zeros((count, rows.shape[1]), np.float32)
    placed[places] = rows
    return placed
