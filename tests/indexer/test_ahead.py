from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from indexer.ahead import load_ahead
from indexer.catalog.file import CATALOG, likely_model
from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.manifest import TEXT_TOWER
from indexer.encoders.registry import BUILTIN_FOLDER, load_encoder
from indexer.errors import BundleError, UnknownModelError
from indexer.library import Library
from indexer.records import Space

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders import Encoder


def library_of(model: str, folder: Path) -> Path:
    with Library.open(folder, writable=True) as library:
        library.use_space(Space(model, "weights", "preprocessing", 4))
    return folder


def wait() -> None:
    for thread in threading.enumerate():
        if thread.name == "ahead":
            thread.join()


def test_a_model_that_was_loaded_ahead_is_the_one_that_is_given(tmp_path: Path) -> None:
    asked: list[str] = []

    def load(name: str) -> Encoder:
        asked.append(name)
        return load_encoder(name)

    ahead = load_ahead(library_of("builtin", tmp_path), load)
    encoder = ahead("builtin")
    assert asked == ["builtin"]
    assert ahead("builtin") is encoder
    alone = load_encoder("builtin").encode_texts(["a dog"])
    assert (encoder.encode_texts(["a dog"]) @ alone.T).item() > 0.9999
    wait()


def test_another_model_than_was_guessed_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="no-such"):
        load_ahead(library_of("builtin", tmp_path), load_encoder)("no-such")
    wait()


def test_what_cannot_be_loaded_says_so_when_it_is_wanted(tmp_path: Path) -> None:
    ahead = load_ahead(library_of("no-such", tmp_path), load_encoder)
    with pytest.raises(UnknownModelError, match="no-such"):
        ahead("no-such")


def test_a_damaged_tower_is_refused_where_it_is_used(tmp_path: Path) -> None:
    bundle, library = tmp_path / "bundle", tmp_path / "library"
    bundle.mkdir()
    for path in BUILTIN_FOLDER.iterdir():
        (bundle / path.name).symlink_to(path)
    (bundle / TEXT_TOWER).unlink()
    (bundle / TEXT_TOWER).write_bytes((BUILTIN_FOLDER / TEXT_TOWER).read_bytes()[:-1] + b"?")
    encoder = load_ahead(library_of(str(bundle), library), load_encoder)(str(bundle))
    assert isinstance(encoder, BundleEncoder)
    wait()
    with pytest.raises(BundleError, match=r"text\.onnx is not the file that its manifest names"):
        encoder.encode_texts(["a dog"])


@pytest.mark.parametrize("content", [None, b"", b"hello " * 1000])
def test_a_library_that_is_not_sound_has_no_likely_model(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / CATALOG).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    assert likely_model(tmp_path / CATALOG) is None
    assert load_ahead(tmp_path, load_encoder) is load_encoder
    assert sorted(tmp_path.iterdir()) == before


def test_a_library_without_vectors_has_no_likely_model(tmp_path: Path) -> None:
    Library.open(tmp_path, writable=True).close()
    assert likely_model(tmp_path / CATALOG) is None


def test_the_likely_model_is_the_one_that_queries_use(tmp_path: Path) -> None:
    library_of("builtin", tmp_path)
    assert likely_model(tmp_path / CATALOG) == "builtin"


def test_what_is_asked_before_sqlalchemy_does_not_import_it() -> None:
    code = "import sys, indexer.ahead, indexer.places, indexer.encoders.registry"
    code += "; assert not {'sqlalchemy', 'numpy', 'onnxruntime', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
