"""A collection as a base bundle's frozen towers see it: all that training reads of photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.encoders.bundle import EMBEDDINGS
from indexer.training.features import feature_names
from indexer.training.graft import NEAREST
from indexer.training.heads import unit_rows
from indexer.training.last_layers import POOLED, LastLayers
from indexer.training.pseudo import PseudoPhotos
from indexer.training.views import PLAIN, VIEWS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from indexer.encoders.bundle import BundleEncoder
    from indexer.training.collection import TrainingPhoto
    from indexer.training.features import FeatureCache
    from indexer.training.heads import Floats

    Blocks = tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class FrozenPhotos:
    """What the image tower says of photos, a row each; `lost` rows could not be decoded."""

    views: tuple[Blocks, ...]  # the plain view first
    base: Floats  # (n, dim), the base's own embeddings
    pooled: Floats | None  # (n, channels), where the tower has a classifier
    lost: frozenset[int]
    pseudo: PseudoPhotos | None


@dataclass(frozen=True, slots=True)
class FrozenTexts:
    """What the text tower says of texts, a row each."""

    blocks: Blocks
    base: Floats  # (n, dim)
    nearest: Floats | None  # (n, 1), the cosine to the nearest name, where the base knows names


def freeze_photos(
    cache: FeatureCache, photos: Sequence[TrainingPhoto], *, augmented: Collection[int] = ()
) -> FrozenPhotos:
    """Run the image tower over the photos, and over every view of those in the rows `augmented`."""
    encoder = cache.encoder
    outputs = encoder.image_output_names
    features = feature_names(outputs)
    more = tuple(name for name in (EMBEDDINGS, POOLED) if name in outputs)
    plain, lost = cache.photos(photos, PLAIN, tuple(dict.fromkeys((*features, *more))))
    plain = {name: np.nan_to_num(rows) for name, rows in plain.items()}
    views = [tuple(plain[name] for name in features)]
    rows = sorted(augmented)
    for view in VIEWS[1:] if rows else ():
        seen, _ = cache.photos([photos[row] for row in rows], view, features)
        blocks = tuple(plain[name].copy() for name in features)
        for block, name in zip(blocks, features, strict=True):
            block[rows] = np.nan_to_num(seen[name])
        views.append(blocks)
    last = LastLayers.of(encoder.folder, features)
    return FrozenPhotos(
        views=tuple(views),
        base=unit_rows(plain[EMBEDDINGS]),
        pooled=plain.get(POOLED),
        lost=frozenset(lost),
        pseudo=None if last is None else PseudoPhotos(last.weight, last),
    )


def freeze_texts(cache: FeatureCache, texts: Sequence[str]) -> FrozenTexts:
    """Run the text tower over texts."""
    outputs = cache.encoder.text_output_names
    features = feature_names(outputs)
    more = tuple(name for name in (EMBEDDINGS, NEAREST) if name in outputs)
    said = cache.texts(texts, tuple(dict.fromkeys((*features, *more))))
    return FrozenTexts(
        blocks=tuple(said[name] for name in features),
        base=unit_rows(said[EMBEDDINGS]),
        nearest=said.get(NEAREST),
    )


def features_of(encoder: BundleEncoder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the outputs that heads read: of the image tower, and of the text tower."""
    return feature_names(encoder.image_output_names), feature_names(encoder.text_output_names)
