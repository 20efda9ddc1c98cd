from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoders.names import (
    BUILTIN,
    Builtin,
    Bundle,
    Checkpoint,
    Pair,
    parse_name,
    require_architecture,
    require_pair,
)
from indexer.encoders.presets import PRESETS
from indexer.errors import UnknownModelError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def message(name: str) -> str:
    with pytest.raises(UnknownModelError) as caught:
        parse_name(name)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_the_bundle_that_ships_and_the_presets_have_names_of_their_own(here: Path) -> None:
    (here / "clip").mkdir()
    (here / BUILTIN).mkdir()
    assert parse_name(BUILTIN) == Builtin()
    for preset in PRESETS:
        assert parse_name(preset.name) == Pair(preset.architecture, preset.tag, preset)


def test_a_pair_is_what_open_clip_calls_its_weights(here: Path) -> None:
    name = "ViT-B-32-256/datacomp_s34b_b86k"
    assert parse_name(name) == Pair("ViT-B-32-256", "datacomp_s34b_b86k")
    assert parse_name("EVA01-g-14-plus/merged2b_s11b_b114k").architecture == "EVA01-g-14-plus"


@pytest.mark.parametrize("rest", ["runs/epoch_10.pt", "epoch 10.pt", "weights"])
def test_a_checkpoint_of_ones_own_is_named_after_its_architecture(here: Path, rest: str) -> None:
    file = touch(here / rest)
    assert parse_name(f"ViT-B-32/{rest}") == Checkpoint(Path(rest), architecture="ViT-B-32")
    assert parse_name(f"ViT-B-32/{file}") == Checkpoint(file, architecture="ViT-B-32")
    assert parse_name(f"ViT-B-32/./{rest}").file.resolve() == file.resolve()


def test_a_checkpoint_of_ones_home_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    file = touch(here / "w.pt")
    assert parse_name("ViT-B-32/~/w.pt") == Checkpoint(file, architecture="ViT-B-32")


def test_a_checkpoint_beside_its_config_needs_no_architecture(here: Path) -> None:
    config = touch(here / "model" / "open_clip_config.json")
    file = touch(here / "model" / "epoch_3.pt")
    assert parse_name(str(file)) == Checkpoint(file, config=config)
    assert parse_name(str(file.parent)) == Checkpoint(file, config=config)
    preferred = touch(here / "model" / "open_clip_pytorch_model.bin")
    assert parse_name(str(file.parent)) == Checkpoint(preferred, config=config)
    safer = touch(here / "model" / "open_clip_model.safetensors")
    assert parse_name(str(file.parent)) == Checkpoint(safer, config=config)


def test_a_bundle_is_a_folder_with_a_manifest(here: Path) -> None:
    touch(here / "mine" / "manifest.json")
    assert parse_name("mine") == Bundle(Path("mine"))
    assert parse_name(str(here / "mine")) == Bundle(here / "mine")


def test_what_lies_on_disk_comes_before_a_pair(here: Path) -> None:
    touch(here / "ViT-B-32" / "openai" / "manifest.json")
    assert parse_name("ViT-B-32/openai") == Bundle(Path("ViT-B-32/openai"))
    assert parse_name("ViT-B-16/openai") == Pair("ViT-B-16", "openai")


def test_a_checkpoint_alone_is_asked_for_its_architecture(here: Path) -> None:
    touch(here / "w.safetensors")
    assert "Name it as ARCH/FILE, for example ViT-B-32/w.safetensors." in message("w.safetensors")


def test_a_folder_that_is_no_model_is_named(here: Path) -> None:
    (here / "photos").mkdir()
    assert "holds no model" in message("photos")
    touch(here / "photos" / "open_clip_config.json")
    assert "no weights" in message("photos")
    assert "Name its folder, photos." in message("photos/open_clip_config.json")
    touch(here / "photos" / "a.pt")
    touch(here / "photos" / "b.pt")
    assert "a.pt and b.pt. Name one of them." in message("photos")


@pytest.mark.parametrize("name", ["./no", "../no/such", "/no/such.pt", "~/no/such", "~nobody/x"])
def test_a_path_where_nothing_is_is_named(here: Path, name: str) -> None:
    assert f"There is no file or folder {name}" in message(name)


@pytest.mark.parametrize("rest", ["w.pt", "runs/w.safetensors", "runs", "runs/epoch", "/x.bin"])
def test_a_checkpoint_that_is_not_there_is_named(here: Path, rest: str) -> None:
    (here / "runs").mkdir()
    assert f"There is no file {rest} with weights of ViT-B-32" in message(f"ViT-B-32/{rest}")


@pytest.mark.parametrize(
    ("name", "meant"), [("bultin", "builtin"), ("Clip", "clip"), ("multi-lingual", "multilingual")]
)
def test_a_slip_of_the_pen_is_understood(here: Path, name: str, meant: str) -> None:
    assert f"Did you mean {meant}?" in message(name)


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b", "a b/c", "hf-hub:org/name", "ViT-L"])
def test_what_means_nothing_is_told_what_would(here: Path, name: str) -> None:
    text = message(name)
    assert "ARCH/PRETRAINED" in text or "no file" in text


def test_a_pair_that_open_clip_does_not_have_is_told_from_what_it_has() -> None:
    require_pair("ViT-B-32-256", "datacomp_s34b_b86k")
    require_pair("ViT-B-32-256", "DataComp-s34b-b86k")  # as open_clip takes it
    with pytest.raises(UnknownModelError, match="It has datacomp_s34b_b86k;"):
        require_pair("ViT-B-32-256", "openai")
    with pytest.raises(UnknownModelError, match="Did you mean ViT-B-32/openai"):
        require_pair("VitB-32", "openai")
    with pytest.raises(UnknownModelError, match="no weights of it"):
        require_pair("ViT-M-16", "openai")


def test_an_architecture_that_open_clip_does_not_have_is_told_from_what_it_has() -> None:
    require_architecture("ViT-B-32")
    with pytest.raises(UnknownModelError, match="Did you mean ViT-B-32"):
        require_architecture("ViT-B32")
