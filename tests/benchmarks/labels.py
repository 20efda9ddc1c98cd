"""Zero-shot labels beside what people called photos: python labels.py LIBRARY LABELS [--part NAME SPLIT]

LABELS is a CSV `image,label,source`, one label a photo; LIBRARY holds the photos (of one part, where
the model learned from others). The labels of each source are a list of their own, given to all
photos of the library as `sightseek classify` gives them; photos of other sources should get none,
though some show what a label says. SPLIT is a CSV `name,part`.
"""  # noqa: E501

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from indexer.background import Material, known_background
from indexer.catalog import embeddings, photos
from indexer.encoders.registry import load_encoder
from indexer.library import Library
from search.labelling import scoring
from search.labelling.templates import filled

if TYPE_CHECKING:
    from indexer.encoders import Encoder
    from indexer.records import Vectors


Pairs: TypeAlias = tuple[np.ndarray, np.ndarray]  # standings, and which are right


@dataclass(frozen=True, slots=True)
class Gallery:
    """Photos with what they are called, "" where nobody said, and the source that says so."""

    vectors: Vectors
    labels: np.ndarray
    sources: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--part", nargs=2, metavar=("NAME", "SPLIT"))
    parser.add_argument("--fit", action="store_true", help="fit a confidence of 0.5, and its slope")
    parser.add_argument("--names", type=Path, help="CSV `label,lang,name`: names in Chinese")
    options = parser.parse_args()
    called = {row["image"]: (row["label"], row["source"]) for row in rows(options.labels)}
    wanted = None
    if options.part:
        name, split = options.part
        wanted = {row["name"] for row in rows(Path(split)) if row["part"] == name}
    names = {}
    if options.names:
        names = {row["label"]: row["name"] for row in rows(options.names) if row["lang"] == "zh"}
    with Library.open(options.library) as library:
        encoder = load_encoder(library.space.model)
        gallery = read_gallery(library, encoder, called, wanted)
    print(f"{len(gallery.vectors):,} photos, {encoder.space.model}")
    pairs: list[Pairs] = []
    for source in ("", *sorted(set(gallery.sources.tolist()) - {""})):
        # all that the source has, whichever photos of it are here
        of_source = {label for label, own in called.values() if source in {own, ""}}
        pairs += report(source, sorted(of_source), gallery, encoder, names)
    if options.fit:
        middle, slope = fit(pairs)
        print(f"as likely right as wrong at {middle:.2f} deviations; slope {slope:.2f}")


def report(
    source: str, labels: list[str], gallery: Gallery, encoder: Encoder, names: dict[str, str]
) -> list[Pairs]:
    started = time.perf_counter()
    words = [names.get(label, label) for label in labels]
    bare = encoder.encode_texts(words)
    named = scoring.ensembles([filled(word) for word in words], encoder.encode_texts)
    encoded = time.perf_counter() - started
    started = time.perf_counter()
    background = known_background(encoder, Material.read()).english
    norms = scoring.fit_norms(gallery.vectors, named, background)
    starts = list(range(len(labels)))
    given = list(scoring.give(gallery.vectors, named, norms, starts, min_confidence=0.5))
    scored = time.perf_counter() - started
    own = np.flatnonzero(gallery.labels != "" if source == "" else gallery.sources == source)
    truth = np.array([labels.index(label) for label in gallery.labels[own]])
    of_own = set(own.tolist())
    inside = [each for each in given if each.photo in of_own]
    right = sum(gallery.labels[each.photo] == labels[each.label] for each in inside)
    precision, recall = right / max(len(inside), 1), right / len(own)
    others = len(gallery.vectors) - len(own)
    alarmed = len({each.photo for each in given} - of_own)
    cosines = {"bare": gallery.vectors[own] @ bare.T, "templates": gallery.vectors[own] @ named.T}
    cosines["norms"] = (cosines["templates"] - norms.centre) / norms.spread
    top = {how: (scores.argmax(axis=1) == truth).mean() for how, scores in cosines.items()}
    print(
        f"{source or 'all of them':15} {len(labels):3} labels, {len(own):5,} photos: "
        f"precision {precision:.1%}, recall {recall:.1%}, "
        f"F1 {2 * right / max(len(inside) + len(own), 1):.1%}; "
        f"other photos labelled {alarmed / max(others, 1):.1%} of {others:,}; "
        f"top-1 {', '.join(f'{how} {value:.1%}' for how, value in top.items())}; "
        f"{encoded:.1f} s for texts, {scored:.2f} s for photos"
    )
    # the list by itself, given to photos that have a label, in this library and in one of its own
    told = np.flatnonzero(gallery.labels != "")
    here = pairs_of(gallery.vectors[told], gallery.labels[told], labels, named, norms)
    alone = scoring.fit_norms(gallery.vectors[own], named, background)
    return [here, pairs_of(gallery.vectors[own], gallery.labels[own], labels, named, alone)]


def pairs_of(
    vectors: Vectors, called: np.ndarray, labels: list[str], named: Vectors, norms: scoring.Norms
) -> Pairs:
    """Give every photo's standing with every label, and whether it is right."""
    deviations = (vectors @ named.T - norms.centre) / norms.spread
    standings = scoring.standings(deviations, list(range(len(labels))))
    return standings.ravel(), (called[:, None] == np.array(labels)).ravel()


def fit(settings: list[Pairs]) -> tuple[float, float]:
    """Fit a logistic map by Newton's method; each setting weighs the same."""
    standing = np.concatenate([each for each, _ in settings])
    right = np.concatenate([each for _, each in settings])
    weights = np.concatenate([np.full(len(each), 1 / len(each)) for each, _ in settings])
    design = np.stack([standing, np.ones_like(standing)], axis=1)
    found = np.array([1.0, -4.0])
    for _ in range(25):
        share = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (weights * (right - share))
        curvature = design.T @ (design * (weights * share * (1 - share))[:, None])
        found += np.linalg.solve(curvature, gradient)
    return -found[1] / found[0], found[0]


def read_gallery(
    library: Library,
    encoder: Encoder,
    called: dict[str, tuple[str, str]],
    wanted: set[str] | None,
) -> Gallery:
    with library.reading_space(encoder.space) as (connection, space_id):
        held = {
            path.name: content_hash for path, content_hash in photos.contents(connection).values()
        }
        kept = {name: key for name, key in held.items() if wanted is None or name in wanted}
        vectors = embeddings.by_hash(
            connection, embeddings.PHOTOS, space_id, list(kept.values()), dim=encoder.dim
        )
    said = [called.get(name, ("", "")) for name in kept]
    labels, sources = (np.array(column) for column in zip(*said, strict=True))
    return Gallery(np.stack([vectors[key] for key in kept.values()]), labels, sources)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
