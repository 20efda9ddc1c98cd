"""Heads and their blend with the base, fitted on some of a collection's photos."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import TrainingError
from indexer.training import cca, contrastive
from indexer.training.blend import Blend, Gate
from indexer.training.heads import Heads, Side, Standard
from indexer.training.material import Material, pairs
from indexer.training.measure import measure_retrieval
from indexer.training.pseudo import Imagined

if TYPE_CHECKING:
    from collections.abc import Collection as Members
    from collections.abc import Sequence

    from indexer.training.collection import Said
    from indexer.training.frozen import FrozenPhotos, FrozenTexts
    from indexer.training.heads import Floats, HiddenHead, LinearHead
    from indexer.training.lessons import Lessons
    from indexer.training.measure import Retrieval

GATED_SHARE = 0.5  # of a photo's squared length, where texts have a gate
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)  # tried where they have none
FEWEST = 20  # captioned photos to train on


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to learn from and what to build; each part can be left out to see what it gives."""

    languages: frozenset[str] | None = None  # of the texts that heads learn from; None is all
    labels: bool = True
    pseudo: bool = True
    base: bool = True
    schedule: contrastive.Schedule = field(default_factory=contrastive.Schedule)
    ridge: cca.Ridge = field(default_factory=cca.Ridge)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Heads, their blend with the base, and how long the contrastive ones were trained."""

    heads: Heads
    blend: Blend
    steps: int

    def photos(self, frozen: FrozenPhotos, rows: Sequence[int]) -> Floats:
        """Encode photos in their plain view; `(n, dim)`, unit rows."""
        blocks = [block[list(rows)] for block in frozen.views[0]]
        return self.blend.photos(self.heads.image(blocks), frozen.base[list(rows)])

    def texts(self, frozen: FrozenTexts, rows: Sequence[int]) -> Floats:
        """Encode texts; `(n, dim)`, unit rows."""
        blocks = [block[list(rows)] for block in frozen.blocks]
        nearest = None if frozen.nearest is None else frozen.nearest[list(rows)]
        return self.blend.texts(self.heads.text(blocks), frozen.base[list(rows)], nearest)


@dataclass(frozen=True, slots=True)
class Classroom:
    """All that can be learned from and measured on; photos and texts are rows."""

    lessons: Lessons
    photos: FrozenPhotos
    texts: FrozenTexts

    def fit(
        self, rows: Members[int], recipe: Recipe, *, seed: int, validation: Members[int]
    ) -> Fitted:
        """Fit on the photos `rows`; stop early, and choose the blend, by `validation`.

        Raises TrainingError where there is too little to learn from, or nothing was learned.
        """
        return self._fit(rows, recipe, seed=seed, validation=validation, found=None)

    def refit(self, rows: Members[int], recipe: Recipe, found: Fitted, *, seed: int) -> Fitted:
        """Fit on the photos `rows` for as long, and with the shares, that were found before."""
        return self._fit(rows, recipe, seed=seed, validation=(), found=found)

    def _fit(
        self,
        rows: Members[int],
        recipe: Recipe,
        *,
        seed: int,
        validation: Members[int],
        found: Fitted | None,
    ) -> Fitted:
        standards, material = self._material(set(rows), recipe)
        matched = cca.fit(pairs(material, seed=seed), recipe.ridge)

        def sides(image: LinearHead, text: HiddenHead) -> Heads:
            return Heads(
                Side(standards[0], (matched[0], image)), Side(standards[1], (matched[1], text))
            )

        def score(image: LinearHead, text: HiddenHead) -> float:
            trained = Fitted(sides(image, text), Blend(0.0), 0)
            return self._score(trained, recipe, validation)

        if found is None:
            trained = contrastive.train(material, recipe.schedule, seed=seed, score=score)
        else:
            schedule = replace(recipe.schedule, steps=found.steps)
            trained = contrastive.train(material, schedule, seed=seed, score=None)
        heads = sides(trained.image, trained.text)
        if found is not None:
            blend = found.blend
        else:
            blend = self._blend(heads, set(rows), recipe, validation)
        return Fitted(heads, blend, trained.steps)

    def _material(
        self, rows: set[int], recipe: Recipe
    ) -> tuple[tuple[Standard, Standard], Material]:
        captioned = self.lessons.captioned(rows, recipe.languages)
        if len(captioned) < FEWEST:
            raise TrainingError(
                f"There are {len(captioned)} photos with captions to train on, and at least "
                f"{FEWEST} are needed. Give more photos or captions."
            )
        labelled = self.lessons.labelled(rows, recipe.languages) if recipe.labels else []
        classes = self.lessons.named_classes(recipe.languages) if recipe.pseudo else []
        seen = sorted({one.photo for one in (*captioned, *labelled)})
        heard = sorted(
            {
                row
                for one in (*captioned, *labelled, *classes)
                for texts in one.texts.values()
                for row in texts
            }
        )
        image = Standard.fit([block[seen] for block in self.photos.views[0]])
        text = Standard.fit([block[heard] for block in self.texts.blocks])
        imagine = None
        if classes and self.photos.pseudo is not None and self.photos.pooled is not None:
            imagine = Imagined(self.photos.pseudo, image, self.photos.pooled[seen])
        material = Material(
            views=[image(view) for view in self.photos.views],
            texts=text(self.texts.blocks),
            captioned=captioned,
            labelled=labelled,
            classes=classes,
            imagine=imagine,
        )
        return (image, text), material

    def _blend(
        self, heads: Heads, rows: set[int], recipe: Recipe, validation: Members[int]
    ) -> Blend:
        if not recipe.base:
            return Blend(0.0)
        if self.texts.nearest is not None:
            own = self.lessons.captioned(rows, None)
            captions = [row for one in own for texts in one.texts.values() for row in texts]
            return Blend(GATED_SHARE, Gate.fit(self.texts.nearest[captions]))
        recalls = {
            share: self._score(Fitted(heads, Blend(share), 0), recipe, validation)
            for share in SHARES
        }
        return Blend(max(SHARES, key=recalls.__getitem__))

    def _score(self, fitted: Fitted, recipe: Recipe, validation: Members[int]) -> float:
        """Give one number to choose by: every collection and language counts the same."""
        found = self.retrievals(fitted, validation, validation, languages=recipe.languages)
        if not found:
            raise TrainingError(
                "Too few photos with captions fell into the validation part to choose by. "
                "Give more, or another --seed."
            )
        return float(np.mean([each.text_to_image.mean for each in found]))

    def retrievals(
        self,
        fitted: Fitted | None,
        asked: Members[int],
        gallery: Members[int],
        *,
        languages: Members[str] | None = None,
    ) -> tuple[Retrieval, ...]:
        """Ask for the photos `asked` by their captions, within each collection's `gallery`.

        Without `fitted` the base answers alone; `languages` leaves other captions out.
        """
        return tuple(
            measure_retrieval(
                self.encode_texts(fitted, task.texts),
                self.encode_photos(fitted, task.photos),
                task.photo_of,
                collection=task.collection,
                language=task.language,
            )
            for task in tasks(self.lessons, asked, gallery)
            if languages is None or task.language in languages
        )

    def encode_photos(self, fitted: Fitted | None, rows: Sequence[int]) -> Floats:
        """Encode photos; without `fitted` as the base does."""
        return self.photos.base[list(rows)] if fitted is None else fitted.photos(self.photos, rows)

    def encode_texts(self, fitted: Fitted | None, rows: Sequence[int]) -> Floats:
        """Encode texts; without `fitted` as the base does."""
        return self.texts.base[list(rows)] if fitted is None else fitted.texts(self.texts, rows)


@dataclass(frozen=True, slots=True)
class Task:
    """One collection's captions in one language, to be asked of its photos."""

    collection: str
    language: str
    photos: tuple[int, ...]  # rows: the gallery
    texts: tuple[int, ...]  # rows: the queries
    photo_of: tuple[int, ...]  # for each query its photo's place in the gallery


def tasks(lessons: Lessons, asked: Members[int], gallery: Members[int]) -> tuple[Task, ...]:
    """Give a task for each collection and language that describe photos of `asked`."""
    photos, captions = lessons.collection.photos, lessons.collection.captions
    captioned = {said.photo for said in captions}
    queries: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for said in captions:
        if said.photo in asked:
            queries[photos[said.photo].collection, said.language].append(said)
    found = []
    for (collection, language), own in sorted(queries.items()):
        shown = [
            r for r in sorted(gallery) if photos[r].collection == collection and r in captioned
        ]
        if len(shown) < 2:
            continue  # there is nothing to tell it from
        place = {row: at for at, row in enumerate(shown)}
        texts = tuple(lessons.row_of[said.text] for said in own)
        photo_of = tuple(place[said.photo] for said in own)
        found.append(Task(collection, language, tuple(shown), texts, photo_of))
    return tuple(found)
