"""Fit what confidence weighs on validation photos, and measure it on test photos.

    python tests/benchmarks/confidence.py PHOTOS MODEL --captions captions.csv --labels labels.csv \
        --split split.csv --keep FOLDER [--fit]

MODEL must never have seen the photos of either part (`sightseek train --keep-test-out`);
`split.csv` names each photo's part. Queries are captions and class names; a hit is right when it is
the photo described, when a person's caption of it says as good as the same (their texts' cosine
reaches 0.7), or when it has the label asked for. `absent.csv` beside this file asks for what is in
none.

Libraries are drawn at random from a part, 1 to all of its photos, and such where all look alike;
half of their queries have an answer in them, and half have none.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer import load_encoder
from indexer.background import Material
from indexer.decode.photo import DEFAULT_MAX_PIXELS, decode, read_photo
from search import confidence
from search.confidence import (
    Evidence,
    Weights,
    confidences,
    evidence,
    informed,
    levelled,
)
from search.query import CUT_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.encoders import Encoder

    Rows = np.ndarray

SAME = 0.7  # of two captions that say as good as the same; half of one photo's do not reach 0.55
SIZES = ((1, 40), (5, 20), (20, 8), (100, 4), (400, 2), (None, 2))  # photos, libraries; None: all
ALIKE = ((5, 8), (60, 4))  # such where all photos look alike
QUERIES = 50  # with an answer, of one language and library; as many without
DEEP = 10  # hits looked at


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with what is right for it."""

    text: str
    language: str
    kind: str  # caption, label, absent, photo
    vector: Rows
    right: Rows  # (n,) of bool, over the gallery


@dataclass(frozen=True, slots=True)
class Judged:
    """Hits of one query in one library; `(k,)` each."""

    kind: str
    library: str
    found: Evidence
    right: Rows


class Texts:
    """Vectors of texts, by text."""

    def __init__(self, rows: dict[str, Rows]) -> None:
        self.rows = rows

    def __getitem__(self, texts: Sequence[str]) -> Rows:
        return np.stack([self.rows[text] for text in texts])


def main() -> None:
    """Fit and measure."""
    arguments = _arguments()
    encoder = load_encoder(arguments.model)
    captions, labels, absent = (
        _table(each)
        for each in (arguments.captions, arguments.labels, Path(__file__).with_name("absent.csv"))
    )
    parts = {row["name"]: row["part"] for row in _table(arguments.split)}
    wanted = [name for name, part in parts.items() if part in {"validation", "test"}]
    if arguments.limit:
        captioned = {row["image"] for row in captions}
        test = sorted((n for n in wanted if parts[n] == "test"), key=lambda n: n not in captioned)
        wanted = test[: arguments.limit]
    labelled = {row["image"] for row in labels}
    others = [n for n, part in parts.items() if n in labelled and parts[n] != "test"]
    more = others if arguments.large else []
    world = World.encoded(arguments, encoder, [*wanted, *more], captions, labels, absent)
    for language in ("en", "zh"):
        known = informed_of(world, world.pools[language])
        print(f"texts and photos of this space, {language}: {known:.1f}")
    if arguments.large:
        test = [name for name in wanted if parts[name] == "test"]
        print(f"\nwords to photos, {len(test)} test photos among {len(others)} labelled others")
        report(list(world.judged_among(test, others)), confidence.WORDS_TO_PHOTOS)
        return
    for kind in ("words to photos", "words to captions", "photos to photos", "photos to captions"):
        known = getattr(confidence, kind.upper().replace(" ", "_"))
        if arguments.fit:
            part = [name for name in wanted if parts[name] == "validation"]
            found = list(world.judged(kind, part, seed=0))
            known = fitted(found)
            print(f"\n{kind}: {known}, best cut-off {best_cut_off(found, known):.2f}")
        part = [name for name in wanted if parts[name] == "test"]
        print(f"\n{kind}, {len(part)} test photos at most")
        report(list(world.judged(kind, part, seed=1)), known)


@dataclass(frozen=True, slots=True)
class World:
    """All vectors, and what is right."""

    photos: dict[str, Rows]
    texts: Texts
    pools: dict[str, Rows]  # random queries: en, zh, photo
    captions: list[dict[str, str]]
    labels: dict[str, str]
    absent: list[dict[str, str]]

    @classmethod
    def encoded(
        cls,
        arguments: argparse.Namespace,
        encoder: Encoder,
        names: Sequence[str],
        captions: list[dict[str, str]],
        labels: list[dict[str, str]],
        absent: list[dict[str, str]],
    ) -> World:
        """Encode everything, or read what was kept."""
        material = Material.read()
        of_photo = {row["image"]: row["label"] for row in labels if row["image"] in set(names)}
        captions = [row for row in captions if row["image"] in set(names)]
        wanted = [row["caption"] for row in captions] + sorted(set(of_photo.values()))
        wanted += [row[language] for row in absent for language in ("en", "zh")]
        wanted += [*material.english, *material.chinese]
        paths = {name: arguments.photos / name for name in names}
        paths |= {str(path): path for path in material.photos}
        texts = _kept(arguments.keep / "texts.npz", dict.fromkeys(wanted), encoder.encode_texts)
        photos = _kept(
            arguments.keep / "photos.npz",
            paths,
            lambda block: encoder.encode_images([_pixels(encoder, paths[name]) for name in block]),
        )
        pools = {
            "en": np.stack([texts[each] for each in material.english]),
            "zh": np.stack([texts[each] for each in material.chinese]),
            "photo": np.stack([photos[str(path)] for path in material.photos]),
        }
        return cls(photos, Texts(texts), pools, captions, of_photo, absent)

    def judged(self, kind: str, names: Sequence[str], *, seed: int) -> Iterator[Judged]:
        """Ask libraries drawn from some photos, or from their captions."""
        rng = np.random.default_rng(seed)
        asking, _, asked_for = kind.partition(" to ")
        names, gallery, owners = self._gallery(asked_for, names, rng)
        queries = list(self._queries(asking, asked_for, names, owners, rng))
        for library, rows in _libraries(gallery, rng):
            for pool in sorted({query.language for query in queries}):
                some = [query for query in queries if query.language == pool]
                for query in _halves(some, rows, rng):
                    yield self._judge(query, library, gallery[rows], rows, self.pools[pool])

    def judged_among(self, names: Sequence[str], others: Sequence[str]) -> Iterator[Judged]:
        """Ask one large library by captions of some of its photos, and for what is absent."""
        rng = np.random.default_rng(1)
        owners = [*names, *others]
        gallery = np.stack([self.photos[name] for name in owners])
        queries = list(self._queries("words", "photos", list(names), owners, rng))
        said = [each for each in queries if each.kind == "caption" and each.right.any()]
        some = [said[place] for place in rng.permutation(len(said))[: 4 * QUERIES]]
        rows = np.arange(len(owners))
        for query in [*some, *(each for each in queries if each.kind == "absent")]:
            pool = self.pools[query.language]
            yield self._judge(query, f"{len(owners):,}", gallery, rows, pool)

    def _judge(self, query: Asked, library: str, vectors: Rows, rows: Rows, chance: Rows) -> Judged:
        order = np.argsort(-(vectors @ query.vector))[:DEEP]
        found = evidence(
            query.vector, vectors[order], chance=chance, sample=vectors, size=len(vectors)
        )
        return Judged(query.kind, library, found, query.right[rows][order])

    def _gallery(
        self, asked_for: str, names: Sequence[str], rng: np.random.Generator
    ) -> tuple[list[str], Rows, list[str]]:
        """Return photos, and the vectors that are searched with the photo of each."""
        if asked_for == "photos":
            return list(names), np.stack([self.photos[name] for name in names]), list(names)
        rows = [row for row in self.captions if row["image"] in set(names)]
        kept = [row for row in rows if rng.random() < 0.5]  # the others ask
        texts = [row["caption"] for row in kept]
        return list(names), self.texts[texts], [row["image"] for row in kept]

    def _queries(
        self, asking: str, asked_for: str, names: list[str], owners: list[str],
        rng: np.random.Generator,
    ) -> Iterator[Asked]:  # fmt: skip
        if asking == "photos":
            yield from self._by_photos(asked_for, names, owners, rng)
            return
        said = defaultdict(list)
        for row in self.captions:
            said[row["image"]].append(row["caption"])
        held = [(place, text) for place, owner in enumerate(owners) for text in said[owner]]
        places = np.array([place for place, _ in held], np.int64)
        known = self.texts[[text for _, text in held]] if held else np.zeros((0, 1), np.float32)
        own = np.array(owners)
        everyone = [row for row in self.captions if asked_for == "photos" or row["image"] in names]
        for row in everyone:
            vector = self.texts.rows[row["caption"]]
            right = own == row["image"]
            right[places[known @ vector >= SAME]] = True
            yield Asked(row["caption"], row.get("lang") or "en", "caption", vector, right)
        if asked_for == "photos":
            yield from self._by_label(own, said)
        for row in self.absent:
            for language in ("en", "zh"):
                text = row[language]
                nothing = np.zeros(len(own), np.bool_)
                yield Asked(text, language, "absent", self.texts.rows[text], nothing)

    def _by_label(self, own: Rows, said: dict[str, list[str]]) -> Iterator[Asked]:
        of = np.array([self.labels.get(name, "") for name in own])
        for label in sorted({each for each in of if each}):
            word = re.compile(rf"\b{re.escape(label.rstrip('s'))}")
            named = [any(word.search(text.lower()) for text in said[name]) for name in own]
            yield Asked(
                label, "en", "label", self.texts.rows[label], (of == label) | np.array(named)
            )

    def _by_photos(
        self, asked_for: str, names: list[str], owners: list[str], rng: np.random.Generator
    ) -> Iterator[Asked]:
        """Ask by photos: for others with their label, or for their captions."""
        own = np.array(owners)
        if asked_for == "captions":
            for name in rng.permutation(names)[:500]:
                yield Asked(name, "photo", "photo", self.photos[name], own == name)
            return
        of = np.array([self.labels.get(name, "") for name in owners])
        others = [name for name in self.labels if name not in set(names)]
        for name in rng.permutation(others or list(self.labels))[:400]:
            right = (of == self.labels[name]) & (own != name)
            yield Asked(name, "photo", "photo", self.photos[name], right)


def fitted(found: Sequence[Judged]) -> Weights:
    """Fit a logistic map by Newton's method; every size of library counts as much."""
    rows, right, counts = _stacked(found)
    theta = np.zeros(4)
    for _ in range(50):
        share = 1 / (1 + np.exp(-np.clip(rows @ theta, -30, 30)))
        gradient = rows.T @ (counts * (share - right)) + 1e-6 * theta
        slopes = (rows * (counts * share * (1 - share))[:, None]).T @ rows + 1e-6 * np.eye(4)
        theta -= np.linalg.solve(slopes, gradient)
    return Weights(*(round(float(each), 2) for each in theta))


def best_cut_off(found: Sequence[Judged], weights: Weights) -> float:
    """Return where most is found for fewest false alarms: Youden's J, over sizes of libraries."""
    pairs = [(each, confidences(each.found, weights)) for each in found]

    def gain(cut: float) -> float:
        by_library: dict[str, tuple[list[bool], list[bool]]] = defaultdict(lambda: ([], []))
        for each, share in pairs:
            answered, alarms = by_library[each.library]
            if each.right.any():
                answered.append(bool(((share >= cut) & each.right).any()))
            elif each.kind in {"absent", "photo"}:
                alarms.append(bool(share.max() >= cut))
        return float(np.mean([np.mean(a) - np.mean(b) for a, b in by_library.values() if a and b]))

    return max(np.arange(0.05, 0.6, 0.05), key=gain)


def report(found: Sequence[Judged], weights: Weights) -> None:
    """Print what the figures are worth, a line for each kind of library."""
    by_library = defaultdict(list)
    for each in found:
        by_library[each.library].append((each, confidences(each.found, weights)))
    print("library      false alarms  answered  precision  reliability: figure -> share right (n)")
    for library, pairs in by_library.items():
        none = [share.max() >= CUT_OFF for each, share in pairs if not each.right.any()]
        absent = [share.max() >= CUT_OFF for each, share in pairs if each.kind == "absent"]
        some = [(share >= CUT_OFF) & each.right for each, share in pairs if each.right.any()]
        shown = [each.right[share >= CUT_OFF] for each, share in pairs if each.kind != "absent"]
        shares = np.concatenate([share for _, share in pairs])
        right = np.concatenate([each.right for each, _ in pairs])
        answered = np.mean([each.any() for each in some])
        precision = np.concatenate(shown).mean()
        alarms = f"{np.mean(absent or none):8.3f} ({len(absent or none)})"
        print(
            f"{library:12} {alarms}      {answered:6.3f}    {precision:6.3f}     "
            f"{_reliability(shares, right)}"
        )


def informed_of(world: World, rows: Rows) -> float:
    """Tell how far a language's texts belong to their photos."""
    own = world.pools["photo"]
    return informed(rows[: len(own)], own)


def _reliability(shares: Rows, right: Rows) -> str:
    told = []
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        at = (shares >= low) & ((shares < low + 0.2) | (low == 0.8))
        if at.any():
            told.append(f"{shares[at].mean():.2f} -> {right[at].mean():.2f} ({at.sum()})")
    return ", ".join(told)


def _stacked(found: Sequence[Judged]) -> tuple[Rows, Rows, Rows]:
    totals: dict[str, int] = defaultdict(int)
    for each in found:
        totals[each.library] += len(each.right)
    rows, right, counts = [], [], []
    for each in found:
        figures = levelled(each.found)
        one = np.ones(len(each.right))
        size = np.log(figures.size) * one
        rows.append(np.stack([one, figures.by_chance, figures.at_large, size], 1))
        right.append(each.right)
        counts.append(one / totals[each.library])
    return np.concatenate(rows), np.concatenate(right).astype(float), np.concatenate(counts)


def _libraries(gallery: Rows, rng: np.random.Generator) -> Iterator[tuple[str, Rows]]:
    for size, several in SIZES:
        count = len(gallery) if size is None else size
        if count > len(gallery) or (size is None and len(gallery) <= 400):
            continue
        for _ in range(several):
            yield f"{count:,}", rng.permutation(len(gallery))[:count]
    for size, several in ALIKE:
        for _ in range(several):
            near = gallery @ gallery[rng.integers(len(gallery))]
            yield f"{size} alike", np.argsort(-near)[:size]


def _halves(queries: Sequence[Asked], rows: Rows, rng: np.random.Generator) -> Iterator[Asked]:
    """Choose as many queries with an answer in a library as without; half of those are absent."""
    some = [query for query in queries if query.right[rows].any()]
    none = [query for query in queries if not query.right[rows].any()]
    gone = [query for query in none if query.kind == "absent"]
    foreign = [query for query in none if query.kind != "absent"]
    count = min(len(some), QUERIES)
    if not count or not none:
        return
    half = min(count // 2, len(gone))
    for several, most in ((some, count), (gone, half), (foreign, count - half)):
        yield from (several[place] for place in rng.permutation(len(several))[:most])


def _kept(path: Path, wanted: dict[str, object], encode: object) -> dict[str, Rows]:
    known: dict[str, Rows] = {}
    if path.exists():
        with np.load(path) as kept:
            known = dict(zip(kept["names"].tolist(), kept["vectors"], strict=True))
    new = [name for name in wanted if name not in known]
    for start in range(0, len(new), 128):
        block = new[start : start + 128]
        known |= dict(zip(block, encode(block), strict=True))
    if new:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, names=np.array(list(known)), vectors=np.stack(list(known.values())))
    return known


def _pixels(encoder: Encoder, path: Path) -> Rows:
    side = encoder.image_size
    photo = decode(read_photo(path), path=path, min_side=side, max_pixels=DEFAULT_MAX_PIXELS)
    return encoder.preprocess(photo.image)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("model")
    for name in ("--captions", "--labels", "--split", "--keep"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--fit", action="store_true", help="fit anew on the validation photos")
    parser.add_argument(
        "--large",
        action="store_true",
        help="test photos among all labelled ones, trained on or not",
    )
    parser.add_argument("--limit", type=int, help="so many test photos, those with captions first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
