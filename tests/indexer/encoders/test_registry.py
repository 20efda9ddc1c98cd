from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoders.registry import BUILTIN_FOLDER, bundle_folder, is_known, load_encoder
from indexer.errors import HubError, UnknownModelError, UsageError


def test_builtin_is_the_bundle_that_ships() -> None:
    encoder = load_encoder("builtin")
    assert encoder.space.model == "builtin"
    assert encoder.dim == 1024
    assert encoder.image_size == 260


def test_a_bundle_is_loaded_by_its_path() -> None:
    encoder = load_encoder(str(BUILTIN_FOLDER))
    assert Path(encoder.space.model) == BUILTIN_FOLDER.resolve()
    assert encoder.space.same_as(load_encoder("builtin").space)


@pytest.mark.parametrize("name", ["", "klip", "/nowhere/at/all", "ViT-B-32/no-such-tag"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(UnknownModelError):
        load_encoder(name)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="holds no model"):
        load_encoder(str(tmp_path))


def test_a_model_that_is_not_here_and_cannot_be_fetched_names_the_way_out() -> None:
    with pytest.raises(HubError, match=r"HF_HUB_OFFLINE is set.*--model builtin"):
        load_encoder("clip")


@pytest.mark.parametrize("name", ["builtin", str(BUILTIN_FOLDER)])
def test_a_bundle_does_not_run_on_a_gpu(name: str) -> None:
    with pytest.raises(UsageError, match="bundles run on the CPU"):
        load_encoder(name, device="cuda")


def test_names_are_known_whether_or_not_what_they_name_is_here() -> None:
    assert is_known("builtin")
    assert is_known("clip")
    assert is_known("ViT-B-32/openai")
    assert not is_known("/nowhere/at/all")


def test_only_a_bundle_has_a_bundles_folder() -> None:
    assert bundle_folder("builtin") == BUILTIN_FOLDER
    assert bundle_folder(str(BUILTIN_FOLDER)) == BUILTIN_FOLDER
    with pytest.raises(UnknownModelError, match="sightseek models export clip"):
        bundle_folder("clip")
