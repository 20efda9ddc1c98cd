"""What heads learn from: pairs of photos and texts by kind, and batches. Knows nothing of towers.

Photos and texts are rows of matrices that were encoded once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import numpy as np

from indexer.errors import TrainingError
from indexer.training.cca import Pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from indexer.records import Ids
    from indexer.training.heads import Floats

Kind: TypeAlias = Literal["caption", "label", "class"]
T = TypeVar("T")
Imagine: TypeAlias = "Callable[[Ids, np.random.Generator], Floats]"  # classes to rows
Row: TypeAlias = "tuple[Floats, int, int]"  # a photo's numbers, a text's row, their group

# A captioned photo counts 1 in each language; names must not drown what captions teach
WEIGHTS: Mapping[Kind, float] = {"caption": 1.0, "label": 0.05, "class": 0.2}


@dataclass(frozen=True, slots=True)
class Described:
    """A photo's row, and the rows of the texts that name or describe it by language."""

    photo: int  # of kind "class" the class, of which a pseudo photo is made
    texts: Mapping[str, tuple[int, ...]]
    group: int  # what is described in one group belongs together
    kind: Kind


@dataclass(frozen=True, slots=True)
class Material:
    """All that heads learn from."""

    views: Sequence[Floats]  # each (photos, width), standardised; the first is the plain view
    texts: Floats  # (texts, width), standardised
    captioned: Sequence[Described]
    labelled: Sequence[Described] = ()
    classes: Sequence[Described] = ()
    imagine: Imagine | None = None  # without it `classes` teach nothing


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of photos and texts, row by row, and which others belong together."""

    photos: Floats  # (n, image width)
    texts: Floats  # (n, text width)
    positives: npt.NDArray[np.bool_]  # (n, n), symmetric


@dataclass(frozen=True, slots=True)
class BatchSizes:
    """How many described things of each kind a batch holds at most."""

    captioned: int = 500
    labelled: int = 100
    classes: int = 400


def pairs(material: Material, *, seed: int) -> list[Pairs]:
    """Give every pair by view, kind and language with its weight, a pseudo photo for each class.

    A photo's views share its weight.
    """
    seen = [*material.captioned, *material.labelled]
    kinds = [
        replace(kind, weights=kind.weights / len(material.views))
        for view in material.views
        for kind in _pairs(seen, view, material.texts)
    ]
    if material.classes and material.imagine:
        classes = sorted({one.photo for one in material.classes})
        made = material.imagine(np.array(classes), np.random.default_rng(seed))
        rows = np.zeros((classes[-1] + 1, made.shape[1]), np.float32)
        rows[classes] = made
        kinds += _pairs(material.classes, rows, material.texts)
    return kinds


def _pairs(described: Sequence[Described], photos: Floats, texts: Floats) -> list[Pairs]:
    kinds: dict[tuple[Kind, str], list[tuple[int, int, float]]] = {}
    for one in described:
        for language, rows in one.texts.items():
            kind = kinds.setdefault((one.kind, language), [])
            kind.extend((one.photo, row, WEIGHTS[one.kind] / len(rows)) for row in rows)
    return [
        Pairs(photos, texts, *map(np.array, zip(*kind, strict=True)))
        for kind in kinds.values()
        if kind
    ]


def batches(material: Material, *, seed: int, sizes: BatchSizes | None = None) -> Iterator[Batch]:
    """Draw batches for ever: a captioned photo with a text in each language, others with one."""
    sizes = sizes or BatchSizes()
    draw = np.random.default_rng(seed)
    captioned = _with_texts(material.captioned)
    labelled = _with_texts(material.labelled)
    classes = _with_texts(material.classes) if material.imagine else []
    if not (captioned or labelled or classes):
        raise TrainingError("No photo has a text to train on. Give captions.")
    while True:
        rows = [
            *_in_each_language(material, _some(captioned, sizes.captioned, draw), draw),
            *_in_any_language(material, _some(labelled, sizes.labelled, draw), draw),
            *_imagined(material, _some(classes, sizes.classes, draw), draw),
        ]
        yield _batch(rows, material.texts)


def _with_texts(described: Sequence[Described]) -> list[Described]:
    return [one for one in described if any(one.texts.values())]


def _some(described: Sequence[Described], count: int, draw: np.random.Generator) -> list[Described]:
    return [described[i] for i in draw.permutation(len(described))[:count]]


def _in_each_language(
    material: Material, described: Sequence[Described], draw: np.random.Generator
) -> Iterator[Row]:
    for one in described:
        photo = _any_of(material.views, draw)[one.photo]
        for rows in filter(None, one.texts.values()):
            yield photo, _any_of(rows, draw), one.group


def _in_any_language(
    material: Material, described: Sequence[Described], draw: np.random.Generator
) -> Iterator[Row]:
    for one in described:
        yield _any_of(material.views, draw)[one.photo], _any_text(one, draw), one.group


def _imagined(
    material: Material, classes: Sequence[Described], draw: np.random.Generator
) -> Iterator[Row]:
    if not classes or not material.imagine:
        return
    photos = material.imagine(np.array([one.photo for one in classes]), draw)
    for photo, one in zip(photos, classes, strict=True):
        yield photo, _any_text(one, draw), one.group


def _any_text(one: Described, draw: np.random.Generator) -> int:
    return _any_of(_any_of([*filter(None, one.texts.values())], draw), draw)


def _any_of(those: Sequence[T], draw: np.random.Generator) -> T:
    return those[int(draw.integers(len(those)))]


def _batch(rows: Sequence[Row], vectors: Floats) -> Batch:
    photos, texts, groups = zip(*rows, strict=True)
    # the same words are right for all photos that they were said of
    positives = _alike(np.array(groups)) | _alike(np.array(texts))
    return Batch(np.stack(photos), vectors[list(texts)], positives)


def _alike(numbers: Ids) -> npt.NDArray[np.bool_]:
    alike: npt.NDArray[np.bool_] = numbers[:, None] == numbers
    return alike
