from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexer.encoders import exported, zoo
from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.manifest import MANIFEST, Manifest
from indexer.encoders.names import parse_name
from indexer.encoders.registry import BUILTIN_FOLDER
from indexer.errors import BundleError
from indexer.sample import sample_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.records import Progress

HEAVY = {"torch", "open_clip", "torchvision", "transformers", "timm", "onnx"}


@dataclass
class Told:
    """Whom a loading tells."""

    notes: list[str] = field(default_factory=list)
    steps: list[Progress] = field(default_factory=list)

    def loading(self, **options: Any) -> zoo.Loading:
        return zoo.Loading(
            device="cpu", on_progress=self.steps.append, on_note=self.notes.append, **options
        )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture(scope="module")
def first(small_model: Path, cache: Path) -> tuple[Any, Told]:
    """The encoder of a model that was loaded for the first time, and what was told."""
    told = Told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        return zoo.load(parse_name(str(small_model)), told.loading(), for_queries=False), told


def test_a_model_becomes_a_bundle_when_a_cpu_first_needs_it(
    first: tuple[Any, Told], small_model: Path
) -> None:
    encoder, told = first
    assert isinstance(encoder, BundleEncoder)
    assert told.notes == [f"Making a bundle of {encoder.space.model} for CPUs, once."]
    assert {step.stage for step in told.steps} == {"export"}
    assert told.steps[-1].done == told.steps[-1].total
    again = Told()
    for for_queries in (False, True):
        other = zoo.load(parse_name(str(small_model)), again.loading(), for_queries=for_queries)
        assert other.folder == encoder.folder
    assert not again.notes
    assert not again.steps


def test_torch_and_the_bundle_share_a_space(first: tuple[Any, Told], small_model: Path) -> None:
    bundle, _ = first
    in_torch = zoo.load(parse_name(str(small_model)), Told().loading(exact=True), for_queries=True)
    assert in_torch.space == bundle.space
    texts = ["a cat", "two dogs on a beach"]
    cosines = (in_torch.encode_texts(texts) * bundle.encode_texts(texts)).sum(axis=1)
    assert cosines.min() > 0.99
    chance = np.random.default_rng(0)
    from PIL import Image

    photos = [Image.fromarray(chance.integers(0, 256, (80, 90, 3), np.uint8)) for _ in range(3)]
    rows = [each.encode_images([each.preprocess(p) for p in photos]) for each in (in_torch, bundle)]
    assert (rows[0] * rows[1]).sum(axis=1).min() > 0.99


def test_with_a_bundle_neither_indexing_nor_searching_imports_torch(
    first: tuple[Any, Told], small_model: Path, tmp_path: Path
) -> None:
    code = f"""
import json, sys
from click.testing import CliRunner
from search.cli import main
library = ["--library", {str(tmp_path / "library")!r}]
model, sample = {str(small_model)!r}, {str(sample_folder())!r}
words = ["index", sample, "--model", model, "--device", "cpu", *library]
result = CliRunner().invoke(main, words)
assert result.exit_code == 0, result.output
result = CliRunner().invoke(main, ["search", "a cat", "-k", "3", "--paths", *library])
assert result.exit_code == 0 and len(result.stdout.splitlines()) == 3, result.output
result = CliRunner().invoke(main, ["search", sample + "/cat.jpg", "-k", "3", "--json", *library])
assert result.exit_code == 0 and len(json.loads(result.stdout)["hits"]) == 3, result.output
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
"""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.splitlines()[-1].split()) & HEAVY


def test_the_command_exports_and_copies_a_bundle(
    first: tuple[Any, Told], small_model: Path, tmp_path: Path
) -> None:
    from click.testing import CliRunner

    from search.cli import main

    words = ["models", "export", str(small_model), "-o", str(tmp_path / "own"), "--json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)
    own = zoo.BundleEncoder.load(tmp_path / "own")
    assert own.space.same_as(first[0].space)


def test_a_damaged_bundle_says_so(
    first: tuple[Any, Told], small_model: Path, cache: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    shutil.copytree(cache, tmp_path / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    name = parse_name(str(small_model))
    damaged = zoo.find_bundle(name)
    (damaged / "text.onnx").write_bytes(b"damaged")
    encoder = zoo.load(name, Told().loading(), for_queries=True)
    with pytest.raises(BundleError, match=r"another SHA-256.*Make the bundle again"):
        encoder.encode_texts(["a cat"])


@pytest.mark.parametrize("name", ["ViT-B-32/laion2b_e16", "clip"])
def test_a_bundle_is_found_by_its_name_when_the_weights_are_gone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parsed = parse_name(name)

    def write(folder: Path) -> None:
        shutil.copytree(BUILTIN_FOLDER, folder, dirs_exist_ok=True)
        manifest = Manifest.read(folder)
        (folder / MANIFEST).unlink()
        replace(manifest, name=zoo.canonical_name(parsed)).write(folder)

    made = exported.make("0" * 32, write)
    code = f"""
import sys
from indexer.encoders import zoo
from indexer.encoders.names import parse_name
encoder = zoo.load(parse_name({name!r}), zoo.Loading(device="cpu"), for_queries=True)
print(encoder.folder)
assert not {HEAVY!r} & set(sys.modules)
"""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str(made), done.stderr


def test_what_cannot_become_a_bundle_runs_in_torch_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_maker: Callable[..., Path]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = {
        "context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1,
        "tokenizer_kwargs": {"reduction_mask": "simple"},
    }  # fmt: skip
    name = parse_name(str(model_maker(tmp_path / "model", text_cfg=text)))
    for notes in (2, 1):  # the second time nothing is tried
        told = Told()
        encoder = zoo.load(name, told.loading(), for_queries=True)
        assert not isinstance(encoder, BundleEncoder)
        assert len(told.notes) == notes
        assert "runs in torch, more slowly than as a bundle: The tokenizer" in told.notes[-1]
        assert "\n" not in told.notes[-1]
    assert encoder.encode_texts(["a cat"]).shape == (1, 64)
