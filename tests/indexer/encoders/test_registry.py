from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoders.registry import BUILTIN_FOLDER, known_models, load_encoder
from indexer.errors import BundleError, UnknownModelError


def test_builtin_is_the_bundle_that_ships() -> None:
    encoder = load_encoder("builtin")
    assert encoder.space.model == "builtin"
    assert encoder.dim == 1024
    assert encoder.image_size == 260


def test_a_bundle_is_loaded_by_its_path() -> None:
    encoder = load_encoder(str(BUILTIN_FOLDER))
    assert Path(encoder.space.model) == BUILTIN_FOLDER.resolve()
    assert encoder.space.same_as(load_encoder("builtin").space)


@pytest.mark.parametrize("name", ["ViT-B-32/openai", "clip", "", "/nowhere/at/all"])
def test_an_unknown_name_is_told_what_is_known(name: str) -> None:
    with pytest.raises(UnknownModelError, match=r"'builtin' or the path of a bundle") as caught:
        load_encoder(name)
    assert "open_clip" in str(caught.value)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        load_encoder(str(tmp_path))


def test_every_known_model_can_be_loaded() -> None:
    for model in known_models():
        encoder = load_encoder(model.name)
        assert encoder.dim == model.dim
        assert 1e6 < model.bytes_on_disk < 60e6
        assert model.licence
        assert model.description
