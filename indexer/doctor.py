"""Whether sightseek's parts are sound: the built-in model, what can be decoded, a library."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from PIL import Image

from indexer.catalog import embeddings, photos, spaces
from indexer.decode.photo import decoders
from indexer.encoders.registry import load_encoder
from indexer.errors import SightseekError
from indexer.library import Library
from indexer.snapshots import TARGETS
from indexer.spaces import mismatch
from indexer.vectors import FaissIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from indexer.records import Space


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; a problem's finding ends with its remedy."""

    subject: str
    finding: str
    ok: bool = True


def examine(path: Path) -> Iterator[Check]:
    """Look at the installation, then at the library at `path`, which is only read."""
    yield Check("python", f"{platform.python_version()} on {platform.platform()}")
    names = ("sightseek", "faiss-cpu", "onnxruntime", "pillow", "sqlalchemy")
    yield Check("packages", ", ".join(f"{name} {_version(name)}" for name in names))
    yield Check("decoders", decoders())
    yield _model("builtin")
    try:
        with Library.open(path) as library:
            yield from _library(library)
    except SightseekError as error:
        yield Check("library", str(error), ok=False)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # such as a checkout that is run in place
        return "(not installed by pip)"


def _model(name: str) -> Check:
    try:
        encoder = load_encoder(name, for_queries=True, make=False)
        encoder.encode_texts(["a photo"])
        side = encoder.image_size
        encoder.encode_images([encoder.preprocess(Image.new("RGB", (side, side)))])
    except SightseekError as error:
        return Check(f"model {name}", str(error), ok=False)
    return Check(f"model {name}", f"{encoder.space}: both towers loaded and ran")


def _library(library: Library) -> Iterator[Check]:
    with library.reading() as connection:
        yield _integrity(connection)
        yield from (_snapshot(connection, library, target) for target in TARGETS)
        current = spaces.current(connection)
        missing = photos.without_embedding(connection, current[0]) if current else []
    yield Check(
        "coverage",
        f"{len(missing)} photos lack an embedding, such as {missing[0]}: run 'sightseek index' on "
        "their folders"
        if missing
        else "every photo has its embedding",
        ok=not missing,
    )
    if current is not None:
        yield _model_of(library, current[1])


def _model_of(library: Library, space: Space) -> Check:
    check = _model(space.model)
    if not check.ok:
        return check
    loaded = load_encoder(space.model, for_queries=True, make=False).space
    if not space.same_as(loaded):
        return Check("library's model", str(mismatch(library.path, space, loaded)), ok=False)
    return Check("library's model", f"{space}, as when the library was made")


def _integrity(connection: Connection) -> Check:
    problems = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(3)")]
    problems = [problem for problem in problems if problem != "ok"]
    orphans = list(connection.exec_driver_sql("PRAGMA foreign_key_check"))
    if problems or orphans:
        finding = "; ".join(problems) or f"{len(orphans)} rows refer to rows that are gone"
        return Check("catalog", f"{finding}: restore it from a backup", ok=False)
    return Check("catalog", "sound")


def _snapshot(connection: Connection, library: Library, target: str) -> Check:
    path = library.path / f"{target}.faiss"
    token = embeddings.snapshot_token(connection, target)
    found = spaces.current(connection)
    if token is None or found is None:
        return Check(path.name, "not written yet")
    index = FaissIndex.load(path, token=token, dim=found[1].dim)
    if index is None:
        # not a fault of the library: every search makes it anew from the catalog, only slower
        return Check(path.name, "missing or damaged: the next 'sightseek index' writes it anew")
    return Check(path.name, f"sound, {len(index)} vectors")
