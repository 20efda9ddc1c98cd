from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from indexer.encoders.manifest import FILES, FORMAT, MANIFEST, SECOND_TOKENIZER, Manifest
from indexer.encoders.registry import BUILTIN_FOLDER
from indexer.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


NAMES = (*FILES, SECOND_TOKENIZER)  # the built-in's


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle with the built-in's manifest and empty files."""
    for name in NAMES:
        (tmp_path / name).touch()
    Manifest.read(BUILTIN_FOLDER).write(tmp_path)
    return tmp_path


def edit(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps(content | changes), "utf-8")


def test_what_is_written_is_read(folder: Path) -> None:
    assert Manifest.read(folder) == Manifest.read(BUILTIN_FOLDER)


def test_writing_leaves_no_other_file(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {MANIFEST, *NAMES}


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is no bundle: it has no manifest\.json"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x80"])
def test_a_damaged_manifest_is_named(folder: Path, content: str) -> None:
    (folder / MANIFEST).write_bytes(content.encode("latin-1"))
    with pytest.raises(BundleError, match=r"manifest\.json (is no JSON|holds no JSON object)"):
        Manifest.read(folder)


def test_a_newer_format_asks_for_an_upgrade(folder: Path) -> None:
    edit(folder, format=FORMAT + 1)
    with pytest.raises(BundleError, match="upgrade sightseek"):
        Manifest.read(folder)


@pytest.mark.parametrize(
    "key", ["format", "name", "dim", "image", "text", "digests", "sources", "text_precision"]
)
def test_a_key_that_is_missing_is_named(folder: Path, key: str) -> None:
    content = json.loads((folder / MANIFEST).read_text("utf-8"))
    del content[key]
    (folder / MANIFEST).write_text(json.dumps(content), "utf-8")
    with pytest.raises(BundleError, match=f"lacks '{key}'"):
        Manifest.read(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"dim": 0},
        {"dim": "many"},
        {"image_precision": "int3"},
        {"image": []},
        {"image": {"size": 224, "mean": [0], "std": [1]}},
        {"image": {"size": "big", "mean": [0, 0, 0], "std": [1, 1, 1]}},
        {"image": {"size": 224, "mean": [0, 0, 0], "std": [1, 1, 1], "colour": "grey"}},
        {"text": {"context_length": 0, "padding": "longest", "pad_id": 0, "lowercase": True}},
        {"text": {"context_length": 77, "padding": "left", "pad_id": 0, "lowercase": True}},
        {
            "text": {
                "context_length": 77,
                "padding": "longest",
                "pad_id": 0,
                "lowercase": True,
                "cleaning": "thorough",
            },
        },
        {"digests": 7},
        {"sources": ["somewhere"]},
    ],
)
def test_a_value_that_means_nothing_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    edit(folder, **changes)
    with pytest.raises(BundleError, match=r"manifest\.json (is wrong|lacks)"):
        Manifest.read(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"has no {name}"):
        Manifest.read(folder)


def test_every_error_is_one_line(folder: Path) -> None:
    (folder / MANIFEST).write_text('{\n"format": 1,\n}', "utf-8")
    with pytest.raises(BundleError) as caught:
        Manifest.read(folder)
    assert "\n" not in str(caught.value)


def test_other_weights_or_settings_are_another_space(folder: Path) -> None:
    manifest = Manifest.read(folder)
    other_weights = replace(manifest, digests=dict(manifest.digests) | {"text.onnx": "0" * 64})
    other_size = replace(manifest, image=replace(manifest.image, size=224))
    other_length = replace(manifest, text=replace(manifest.text, context_length=77))
    other_words = replace(manifest, description="the same, described otherwise")
    assert other_weights.weights_digest != manifest.weights_digest
    assert other_size.preprocessing_digest != manifest.preprocessing_digest
    assert other_length.preprocessing_digest != manifest.preprocessing_digest
    second = manifest.second_text
    assert second is not None
    other_second = replace(manifest, second_text=replace(second, context_length=77))
    assert other_second.preprocessing_digest != manifest.preprocessing_digest
    other_tokens = replace(manifest, digests=dict(manifest.digests) | {SECOND_TOKENIZER: "0" * 64})
    assert other_tokens.weights_digest != manifest.weights_digest
    assert other_words.weights_digest == manifest.weights_digest
    assert other_words.preprocessing_digest == manifest.preprocessing_digest


def test_the_built_in_space_is_the_one_that_libraries_hold() -> None:
    manifest = Manifest.read(BUILTIN_FOLDER)
    assert manifest.preprocessing_digest.startswith("97f7fa4ef58a1e91")


@pytest.mark.parametrize("change", [{"cleaning": "whitespace"}, {"zeroed_id": 3}])
@pytest.mark.parametrize("part", ["text", "second_text"])
def test_what_older_versions_cannot_do_is_another_format_and_space(
    folder: Path, part: str, change: dict[str, Any]
) -> None:
    manifest = Manifest.read(folder)
    changed = replace(manifest, **{part: replace(getattr(manifest, part), **change)})
    changed.write(folder)
    assert json.loads((folder / MANIFEST).read_text("utf-8"))["format"] == 3
    assert Manifest.read(folder) == changed
    assert changed.preprocessing_digest != manifest.preprocessing_digest


def test_what_older_versions_can_read_stays_as_they_wrote_it(folder: Path) -> None:
    Manifest.read(folder).write(folder)
    assert (folder / MANIFEST).read_bytes() == (BUILTIN_FOLDER / MANIFEST).read_bytes()


def test_a_bundle_with_one_tokenizer_needs_no_second(folder: Path) -> None:
    content = json.loads((folder / MANIFEST).read_text("utf-8"))
    del content["second_text"], content["digests"][SECOND_TOKENIZER]
    (folder / MANIFEST).write_text(json.dumps(content), "utf-8")
    (folder / SECOND_TOKENIZER).unlink()
    manifest = Manifest.read(folder)
    assert manifest.second_text is None
    manifest.write(folder)
    assert "second_text" not in json.loads((folder / MANIFEST).read_text("utf-8"))


def test_a_digest_of_an_unknown_name_is_no_path_to_read(folder: Path) -> None:
    digests = json.loads((folder / MANIFEST).read_text("utf-8"))["digests"]
    edit(folder, digests=digests | {"../../etc/passwd": "0" * 64})
    assert set(Manifest.read(folder).digests) == set(NAMES)
