"""A base bundle and a captioned collection to a new bundle: the whole of `sightseek train`."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.manifest import IMAGE_TOWER, TEXT_TOWER, Manifest
from indexer.errors import TrainingError
from indexer.files import replacing
from indexer.records import Skipped
from indexer.training.card import CARD, model_card
from indexer.training.collection import split
from indexer.training.features import FeatureCache
from indexer.training.fit import Classroom, Recipe, tasks
from indexer.training.frozen import freeze_photos, freeze_texts
from indexer.training.last_layers import read_classes
from indexer.training.lessons import Lessons
from indexer.training.measure import Naming, measure_naming
from indexer.training.pack import (
    THREADS,
    Title,
    graft,
    read_towers,
    require_operators,
    shrink,
    write_bundle,
)
from indexer.training.report import PartSizes, TrainReport
from indexer.training.verify import Examiner, choose, compare, spread, time_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.encoders.manifest import Source
    from indexer.training.collection import Collection, Part
    from indexer.training.features import OnProgress
    from indexer.training.fit import Fitted
    from indexer.training.pack import Towers


CALIBRATION_PHOTOS = 200
DESCRIPTION = "Heads trained by sightseek on a base bundle's frozen towers"


@dataclass(frozen=True, slots=True)
class Options:
    """How to train; `cache` keeps features between runs."""

    name: str
    cache: Path
    description: str = DESCRIPTION
    sources: tuple[Source, ...] = ()  # beside the base's
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    keep_test_out: bool = False
    on_progress: OnProgress | None = None


def train(collection: Collection, base: Path, output: Path | None, options: Options) -> TrainReport:
    """Train, measure, and write a bundle with its model card to `output`, if there is one.

    Heads are fitted on 70 % of the photos, stopped early by 15 %, measured on the rest, and
    then, unless the test photos are to be kept out, fitted anew on all of them. Raises
    TrainingError, BundleError.
    """
    started = time.monotonic()
    run = _Run.start(collection, base, options)
    fitted = run.room.fit(
        run.part("train"), options.recipe, seed=options.seed, validation=run.part("validation")
    )
    if output is not None and fitted.blend.share == 1:
        raise TrainingError(
            "Training taught nothing that the base does not know: of the validation photos the "
            "base alone finds as many. Use the base, or give more captions."
        )
    final = fitted
    if output is not None and not options.keep_test_out:
        every = run.part("train", "validation", "test")
        final = run.room.refit(every, options.recipe, fitted, seed=options.seed)
    report = run.report(fitted, refitted=final is not fitted)
    if output is not None:
        report = run.write(output, final, fitted, report)
    return replace(report, seconds=round(time.monotonic() - started, 1))


@dataclass(frozen=True, slots=True)
class _Run:
    base: BundleEncoder
    room: Classroom
    parts: Sequence[Part]
    options: Options

    @classmethod
    def start(cls, collection: Collection, base: Path, options: Options) -> _Run:
        encoder = BundleEncoder.load(base)
        require_operators(base)
        cache = FeatureCache(encoder, options.cache, options.on_progress)
        lessons = Lessons.of(collection, read_classes(base))
        captioned = {said.photo for said in collection.captions}  # few, and they teach the most
        photos = freeze_photos(cache, collection.photos, augmented=captioned)
        texts = freeze_texts(cache, lessons.texts)
        parts = split(collection.photos, seed=options.seed)
        run = cls(encoder, Classroom(lessons, photos, texts), parts, options)
        run.require_captions()
        return run

    def part(self, *parts: Part) -> frozenset[int]:
        """Give the rows of some parts, without photos that could not be decoded."""
        rows = {row for row, part in enumerate(self.parts) if part in parts}
        return frozenset(rows - self.room.photos.lost)

    def captioned(self, *parts: Part) -> frozenset[int]:
        captioned = {said.photo for said in self.room.lessons.collection.captions}
        return self.part(*parts) & captioned

    def require_captions(self) -> None:
        for part in ("validation", "test"):
            own = self.captioned(part)
            if not tasks(self.room.lessons, own, own):
                raise TrainingError(
                    f"Too few photos with captions fell into the {part} part to measure anything. "
                    "Give more, or another --seed."
                )

    def report(self, fitted: Fitted, *, refitted: bool) -> TrainReport:
        """Measure on the test photos."""
        collection = self.room.lessons.collection
        gallery = self.part("validation", "test")
        photos = Counter(photo.collection for photo in collection.photos)
        captions, labels = (
            Counter(collection.photos[said.photo].collection for said in kind)
            for kind in (collection.captions, collection.labels)
        )
        sizes = [
            PartSizes(name, photos[name], captions[name], labels[name]) for name in sorted(photos)
        ]
        counts = Counter(self.parts[row] for row in self.captioned("train", "validation", "test"))
        return TrainReport(
            name=self.options.name,
            base=self.base.manifest.name,
            seed=self.options.seed,
            collections=tuple(sizes),
            captioned_photos={str(part): count for part, count in counts.items()},
            steps=fitted.steps,
            share=fitted.blend.share,
            validation=self.room.retrievals(fitted, self.captioned("validation"), gallery),
            test=self.room.retrievals(fitted, self.captioned("test"), gallery),
            base_test=self.room.retrievals(None, self.captioned("test"), gallery),
            naming=self.namings(fitted),
            base_naming=self.namings(None),
            skipped=(
                *collection.skipped,
                *(
                    Skipped(collection.photos[row].path, "it could not be decoded")
                    for row in sorted(self.room.photos.lost)
                ),
            ),
            unmatched=collection.unmatched,
            ambiguous=collection.ambiguous,
            refitted=refitted,
        )

    def namings(self, fitted: Fitted | None) -> tuple[Naming, ...]:
        """Name the labelled test photos, within each collection and language."""
        lessons = self.room.lessons
        collection = lessons.collection
        rows = self.part("test")
        found = []
        shown = [said for said in collection.labels if said.photo in rows]
        for name in sorted({collection.photos[said.photo].collection for said in shown}):
            own = [said for said in shown if collection.photos[said.photo].collection == name]
            labels = sorted({said.text for said in own})
            languages = dict.fromkeys(
                language for label in labels for language in lessons.names_of(label)
            )
            for language in languages:
                names = [lessons.names_of(label).get(language, ())[:1] for label in labels]
                if not all(names):
                    continue  # a label has no name in this language
                photos = sorted({said.photo for said in own})
                is_own = np.zeros((len(labels), len(photos)), np.bool_)
                for said in own:
                    is_own[labels.index(said.text), photos.index(said.photo)] = True
                found.append(
                    measure_naming(
                        self.room.encode_texts(fitted, [row for rows in names for row in rows]),
                        self.room.encode_photos(fitted, photos),
                        is_own,
                        collection=name,
                        language=language,
                    )
                )
        return tuple(found)

    def write(
        self, output: Path, final: Fitted, fitted: Fitted, report: TrainReport
    ) -> TrainReport:
        examiner = Examiner(self.base, self.room, self.captioned("validation", "test"))
        calibration = spread(sorted(self.part("train")), CALIBRATION_PHOTOS)
        plain = read_towers(self.base.folder)
        small = shrink(plain, (examiner.pixels(row) for row in calibration))
        inputs = examiner.inputs(sorted(self.part("validation", "test")))
        with tempfile.TemporaryDirectory() as scratch:
            folders = {name: Path(scratch) / name for name in ("plain", "small", "small base")}
            whole = graft(plain, final, self.base, small=False)
            stored = graft(small, final, self.base, small=True)
            self.bundle(folders["plain"], whole, final)
            self.bundle(folders["small"], stored, final)
            self.bundle(folders["small base"], small, None)
            encoders = {
                name: BundleEncoder.load(folder, threads=THREADS)
                for name, folder in folders.items()
            }
            cache = FeatureCache(encoders["small base"], Path(scratch), self.options.on_progress)
            changes = examiner.recall_changes(cache, fitted)
            agreements = {
                name: replace(each, recall_at_10_change=round(changes[name], 5))
                for name, each in compare(encoders["small"], encoders["plain"], inputs).items()
            }
            chosen = choose(whole, stored, agreements)
            manifest = replace(
                self.bundle(output, chosen, final),
                image_agreement=agreements[IMAGE_TOWER] if chosen.image is stored.image else None,
                text_agreement=agreements[TEXT_TOWER] if chosen.text is stored.text else None,
            )
            manifest.write(output)
            written = BundleEncoder.load(output, threads=THREADS)
            speed = time_bundle(written, encoders["plain"], inputs)
        report = replace(
            report,
            image_agreement=manifest.image_agreement,
            text_agreement=manifest.text_agreement,
            source="fp32" if plain.is_fp32 else "the base's towers with fp32 heads",
            bytes_on_disk=sum((output / name).stat().st_size for name in manifest.digests),
            speed=speed,
        )
        with replacing(output / CARD) as beside:
            beside.write_text(model_card(manifest, report), "utf-8")
        return report

    def bundle(self, folder: Path, towers: Towers, fitted: Fitted | None) -> Manifest:
        """Write a bundle with heads, or of the base's own embeddings."""
        sources = (*self.base.manifest.sources, *self.options.sources)
        title = Title(self.options.name, self.options.description, sources)
        dim = self.base.dim + (fitted.heads.image.dim if fitted else 0)
        return write_bundle(folder, towers, self.base.folder, title, dim=dim)
