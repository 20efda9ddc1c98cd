"""Texts and photos of all kinds, encoded once for each space: what a query is compared with.

A cosine says little until it is known what other queries score. The texts are `texts.csv`, in
English and Chinese; its first lines describe the photos that come with sightseek.
"""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import background as rows
from indexer.catalog import photos
from indexer.files import replacing
from indexer.places import cache_path
from indexer.records import Background
from indexer.sample import sample_folder

if TYPE_CHECKING:
    from typing import Self

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Pixels, Space

_TEXTS = Path(__file__).with_name("texts.csv")


@dataclass(frozen=True, slots=True)
class Material:
    """What is encoded: as many texts in each language, and the photos of the first of them."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]
    photos: tuple[Path, ...]
    digest: str

    @classmethod
    def read(cls) -> Self:
        """Read what comes with sightseek."""
        content = _TEXTS.read_bytes()
        lines = list(csv.DictReader(content.decode().splitlines()))
        return cls(
            english=tuple(line["en"] for line in lines),
            chinese=tuple(line["zh"] for line in lines),
            photos=tuple(sample_folder() / line["photo"] for line in lines if line["photo"]),
            digest=blake2b(content, digest_size=16).hexdigest(),
        )


def write_background(library: Library, encoder: Encoder, space_id: int) -> None:
    """Give a library with photos its space's background, unless it has that of this release."""
    material = Material.read()
    with library.reading() as connection:
        if rows.material(connection, space_id) == material.digest or not photos.count(connection):
            return
    vectors = known_background(encoder, material)
    with library.writing() as connection:
        rows.put(connection, space_id, material.digest, vectors)


def known_background(encoder: Encoder, material: Material) -> Background:
    """Encode the material, or read what this machine kept of it: every library of a space has one.

    It is the same for all of them, and takes seconds on a CPU.
    """
    path = _kept(encoder.space, material)
    vectors = _read(path)
    if vectors is None:
        vectors = _encoded(encoder, material)
        _keep(path, vectors)
    return vectors


def _encoded(encoder: Encoder, material: Material) -> Background:
    return Background(
        english=encoder.encode_texts(material.english),
        chinese=encoder.encode_texts(material.chinese),
        photos=encoder.encode_images([_pixels(encoder, path) for path in material.photos]),
    )


def _pixels(encoder: Encoder, path: Path) -> Pixels:
    from indexer.decode.photo import DEFAULT_MAX_PIXELS, decode, read_photo

    side = encoder.image_size
    photo = decode(read_photo(path), path=path, min_side=side, max_pixels=DEFAULT_MAX_PIXELS)
    return encoder.preprocess(photo.image)


def _kept(space: Space, material: Material) -> Path:
    key = "-".join((*(str(each) for each in space.identity), material.digest))
    name = blake2b(key.encode(), digest_size=16).hexdigest()
    return cache_path() / "backgrounds" / f"{name}.npz"


def _read(path: Path) -> Background | None:
    try:
        with np.load(path) as kept:
            return Background(kept["english"], kept["chinese"], kept["photos"])
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
    ):  # not there, or damaged: it is made anew
        return None


def _keep(path: Path, vectors: Background) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez(file, english=vectors.english, chinese=vectors.chinese, photos=vectors.photos)
    except OSError:
        return  # it is encoded again for the next library
