"""What every test may use: a library, photos of one colour, and an encoder that knows colours."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from PIL import Image
from sqlalchemy import select

from indexer import index_photos, load_encoder
from indexer.background import Material, known_background
from indexer.catalog import embeddings, migrations
from indexer.catalog.schema import image_embedding, photo
from indexer.library import Library
from indexer.places import cache_path
from indexer.records import Space
from indexer.sample import sample_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from hub import HubSite

    from indexer.records import Pixels, Vectors

settings.load_profile("ci")  # hypothesis's own: the same examples everywhere, and no deadlines

# tests run on all cores at once: what each does on one core disturbs no other
os.environ.setdefault("OMP_NUM_THREADS", "1")

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "yellow": (255, 255, 0),
    "purple": (255, 0, 255),
    "orange": (255, 128, 0),
}
DIM = 8


class ColourEncoder:
    """Photos of a colour and texts that name it share an axis, so "red" finds the red square."""

    dim = DIM
    image_size = 16
    image_batch = 32
    device = "cpu"
    preparation = None

    def __init__(self, name: str = "colours") -> None:
        self.space = Space(name, hashlib.sha256(name.encode()).hexdigest(), "0" * 64, DIM)
        self.images_encoded = 0
        self.texts_encoded = 0

    def preprocess(self, image: Image.Image) -> Pixels:
        pixels = np.asarray(image.resize((4, 4)), np.float32) / 255
        return pixels.transpose(2, 0, 1)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        self.images_encoded += len(images)
        means = np.array([image.mean(axis=(1, 2)) for image in images], np.float32)
        return _embedded(means.reshape(-1, 3))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts_encoded += len(texts)
        colours = []
        for text in texts:
            named = [COLOURS[word] for word in text.lower().split() if word in COLOURS]
            colours.append(np.mean(named, axis=0) / 255 if named else [0.5, 0.5, 0.5])
        return _embedded(np.array(colours, np.float32).reshape(-1, 3))


class TurnedEncoder(ColourEncoder):
    """Another model of the same size: equal vectors mean another colour to it."""

    def __init__(self, name: str = "turned", *, by: int = 1) -> None:
        super().__init__(name)
        self.by = by

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        return np.roll(super().encode_images(images), self.by, axis=1)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return np.roll(super().encode_texts(texts), self.by, axis=1)


def _embedded(colours: Vectors) -> Vectors:
    rows = np.zeros((len(colours), DIM), np.float32)
    rows[:, :3] = colours
    rows[:, 3] = 0.25  # black has a direction too
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what exports models: what that imports takes seconds, which other workers spare."""
    items.sort(key=lambda item: not {"encoders", "training"} & set(item.path.parts))


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    # whoever runs the tests may have a library and models: no test may write to them or need them
    for name in ("SIGHTSEEK_LIBRARY", "SIGHTSEEK_MODEL", "HF_ENDPOINT", "HF_HUB_CACHE"):
        os.environ.pop(name, None)
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("hf"))
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def sample_library(tmp_path_factory: pytest.TempPathFactory, builtin_known: Path) -> Path:
    """A library of the sample collection by the built-in model. Tests only read it."""
    folder = _of_all_workers(tmp_path_factory) / "sample-library"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            beside = folder.with_name("sample-library-beside")
            photos = sample_folder()
            with Library.open(beside, writable=True) as library:
                captions = [photos / "captions.csv"]
                index_photos([photos], library, load_encoder("builtin"), captions=captions)
            beside.rename(folder)
    return folder


@pytest.fixture(scope="session")
def builtin_known(tmp_path_factory: pytest.TempPathFactory, _nothing_of_ones_own: None) -> Path:
    """The background of the built-in model, as on a machine that used it before; takes seconds.

    Other caches than this process's get it by a copy of the folder.
    """
    known = _of_all_workers(tmp_path_factory) / "backgrounds"
    own = cache_path() / "backgrounds"
    with FileLock(f"{known}.lock"):
        if not known.exists():
            known_background(load_encoder("builtin"), Material.read())
            shutil.copytree(own, known.with_name("backgrounds-beside")).rename(known)
    shutil.copytree(known, own, dirs_exist_ok=True)
    return known


def _of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def _backgrounds_known(_nothing_of_ones_own: None) -> None:
    # as on a machine that indexed with these models before: tests count what photos and captions
    # give an encoder to do, and nothing else
    material = Material.read()
    for encoder in (ColourEncoder(), ColourEncoder("another model of the same size")):
        known_background(encoder, material)
    known_background(TurnedEncoder(), material)


@pytest.fixture
def hub_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubSite]:
    """A hub that serves what is put into it, with switches for what goes wrong."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    site, server = _hub().serve(tmp_path / "served")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.stop.set()
    server.shutdown()
    thread.join()
    server.server_close()


def _hub() -> ModuleType:
    # tests are imported without their folder on sys.path
    if "hub" not in sys.modules:
        spec = importlib.util.spec_from_file_location("hub", Path(__file__).with_name("hub.py"))
        sys.modules["hub"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["hub"])
    return sys.modules["hub"]


@pytest.fixture
def encoder() -> ColourEncoder:
    return ColourEncoder()


@pytest.fixture(scope="session")
def colour_encoder() -> ColourEncoder:
    """The encoder of fixtures that tests share: nothing is asserted of what it counts."""
    return ColourEncoder()


@pytest.fixture
def other_encoder() -> ColourEncoder:
    return ColourEncoder("another model of the same size")


@pytest.fixture
def turned() -> TurnedEncoder:
    return TurnedEncoder()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", writable=True) as opened:
        yield opened


@pytest.fixture
def age() -> Callable[..., None]:
    """Turn a library that is closed into one of an older format."""

    def turn(folder: Path, *, version: int) -> None:
        catalog = folder / "catalog.sqlite"
        newer = catalog.rename(folder / "newer.sqlite")
        with closing(sqlite3.connect(catalog)) as old:
            for statement in (each for step in migrations.MIGRATIONS[:version] for each in step):
                old.execute(statement)
            old.execute(f"PRAGMA user_version = {version}")
            old.commit()
            old.execute("ATTACH ? AS newer", [str(newer)])
            names = (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'sqlite_sequence'"
            )
            for [table] in old.execute(names).fetchall():
                known = old.execute("SELECT name FROM pragma_table_info(?)", [table]).fetchall()
                columns = ", ".join(name for [name] in known)
                old.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newer.{table}")
            old.commit()
        newer.unlink()

    return turn


@pytest.fixture
def vectors_of() -> Callable[[Library], dict[str, list[float]]]:
    """Each photo's vector by its path, once the index was seen to have those and no other."""

    def read(library: Library) -> dict[str, list[float]]:
        index = library.vectors("photos")
        with library.reading() as connection:
            blocks = embeddings.after(connection, embeddings.PHOTOS, 1, 0, dim=DIM)
            truth = {i: row for ids, rows in blocks for i, row in zip(ids, rows, strict=True)}
            keys = connection.execute(select(image_embedding.c.content_hash, image_embedding.c.id))
            ids = dict(keys.all())
            owners = connection.execute(select(photo.c.path, photo.c.content_hash)).all()
        assert set(index.ids.tolist()) == set(truth) == set(ids.values())
        assert set(ids) == {key for _, key in owners}  # no orphans
        for embedding_id, row in truth.items():
            scores, found = index.search(row, len(truth))
            assert abs(scores[found.tolist().index(embedding_id)] - 1) < 1e-6
        return {path: truth[ids[key]].tolist() for path, key in owners}

    return read


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def paint() -> Callable[..., Path]:
    """Save a photo of one colour; `shade` makes the bytes of equal colours differ."""

    def save(path: Path, colour: str, *, shade: int = 0, **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (24, 16), COLOURS[colour])
        if shade:
            image.putpixel((0, 0), (shade % 256, shade // 256 % 256, 7))
        image.save(path, **options)
        return path

    return save


@pytest.fixture
def touch() -> Callable[[Path], None]:
    """Give a file a later mtime, as an edit does, without waiting for the clock."""

    def later(path: Path) -> None:
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))

    return later
