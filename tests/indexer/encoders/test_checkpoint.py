from __future__ import annotations

import os
import pickle
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP
from safetensors.torch import save_file

from indexer.encoders.checkpoint import load_checkpoint, load_into, read_state_dict
from indexer.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Weights = dict[str, torch.Tensor]


def tiny(kind: type[torch.nn.Module] = CLIP, *, seed: int = 0, **options: Any) -> torch.nn.Module:
    torch.manual_seed(seed)
    vision = CLIPVisionCfg(
        layers=1, width=16, head_width=8, patch_size=8, image_size=options.pop("image_size", 16)
    )
    text = CLIPTextCfg(
        context_length=options.pop("context_length", 8), vocab_size=32, width=16, heads=2, layers=1
    )
    return kind(embed_dim=options.pop("dim", 12), vision_cfg=vision, text_cfg=text, **options)


@pytest.fixture
def weights() -> Weights:
    return tiny(seed=1).state_dict()


def same(some: Weights, others: Weights) -> bool:
    return some.keys() == others.keys() and all(torch.equal(some[k], others[k]) for k in some)


def refusal(call: Callable[[], object], *parts: str) -> str:
    with pytest.raises(CheckpointError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert all(part in message for part in parts), message
    return message


def save(path: Path, content: object, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w"])
def test_safetensors_are_known_by_their_content(
    tmp_path: Path, weights: Weights, name: str
) -> None:
    save_file({key: value.contiguous() for key, value in weights.items()}, tmp_path / name)
    assert same(read_state_dict(tmp_path / name), weights)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_are_known_by_their_content(
    tmp_path: Path, weights: Weights, name: str, zipped: bool
) -> None:
    path = save(tmp_path / name, weights, _use_new_zipfile_serialization=zipped)
    assert same(read_state_dict(path), weights)


def test_what_training_saves_is_unwrapped(tmp_path: Path, weights: Weights) -> None:
    optimizer = torch.optim.AdamW(tiny().parameters()).state_dict()
    for prefix in ("module.", "_orig_mod.", "module._orig_mod."):
        prefixed = {f"{prefix}{key}": value for key, value in weights.items()}
        content = {"epoch": 3, "name": "run", "state_dict": prefixed, "optimizer": optimizer}
        assert same(read_state_dict(save(tmp_path / "w.pt", content)), weights)
    assert same(read_state_dict(save(tmp_path / "w.pt", {"model": weights})), weights)


def test_a_checkpoint_that_open_clip_reads_is_read_alike(tmp_path: Path, weights: Weights) -> None:
    from open_clip.factory import load_state_dict

    wrapped = {"state_dict": {f"module.{key}": value for key, value in weights.items()}}
    path = save(tmp_path / "w.pt", wrapped)
    assert same(read_state_dict(path), load_state_dict(str(path)))


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.folder),))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_harmful_pickle_is_refused_and_not_run(
    tmp_path: Path, weights: Weights, zipped: bool
) -> None:
    ran = tmp_path / "ran"
    content = {"state_dict": weights, "extra": Harmful(ran)}
    path = save(tmp_path / "w.pt", content, _use_new_zipfile_serialization=zipped)
    refusal(lambda: read_state_dict(path), str(path), "nothing was run", "safetensors")
    assert not ran.exists()
    torch.load(path, weights_only=False)
    assert ran.exists()  # it would have


def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    ran, path = tmp_path / "ran", tmp_path / "w.bin"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(Harmful(ran), protocol=protocol))
        refusal(lambda: read_state_dict(path), str(path))
    assert not ran.exists()


def test_a_torchscript_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ViT-B-32.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    refusal(lambda: read_state_dict(path), "TorchScript", "holds code", "ViT-B-32/openai")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><p>Not found", "neither safetensors nor a torch checkpoint"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "downloaded whole"),
        (b"PK\3\4 no zip", "damaged"),
        (b"\x80\2", "damaged"),
        (b"\x80\2}q\0.", "holds no weights|damaged"),
        (b"\x20\0\0\0\0\0\0\0{ no header", "damaged"),
        (b"x", "neither"),
        (b"\0" * 100, "neither"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    message = refusal(lambda: read_state_dict(path), str(path))
    assert any(each in message for each in part.split("|")), message


@pytest.mark.parametrize(
    "content", [{}, [], 3, {"epoch": 3}, {"state_dict": {}}, {1: torch.zeros(1)}, torch.zeros(2)]
)
def test_a_checkpoint_without_weights_is_named(tmp_path: Path, content: object) -> None:
    path = save(tmp_path / "w.pt", content)
    refusal(lambda: read_state_dict(path), str(path), "holds no weights of a model")


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    refusal(lambda: read_state_dict(tmp_path / "no.pt"), "cannot be read: No such file")
    refusal(lambda: read_state_dict(tmp_path), "cannot be read: Is a directory")


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_no_damage_goes_unexplained(tmp_path: Path, weights: Weights, kind: str) -> None:
    path = tmp_path / "w.pt"
    if kind == "safetensors":
        save_file({key: value.contiguous() for key, value in weights.items()}, path)
    else:
        save(path, weights, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    chance = random.Random(0)
    for _ in range(60):
        path.write_bytes(whole[: chance.randrange(len(whole))])
        refusal(lambda: read_state_dict(path), str(path))
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[chance.randrange(min(len(whole), 3000))] = chance.randrange(256)
        path.write_bytes(damaged)
        with suppress(CheckpointError):
            # no digest is known here, and other numbers are still numbers
            assert all(isinstance(each, torch.Tensor) for each in read_state_dict(path).values())


def test_weights_are_loaded(weights: Weights) -> None:
    model = tiny()
    load_into(model, weights, "w")
    assert same(model.state_dict(), weights)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({"image_size": 16}, {"image_size": 32}),
        ({"context_length": 8}, {"context_length": 12}),
        ({"kind": CLIP}, {"kind": CustomTextCLIP}),
        ({}, {"init_logit_bias": -10.0}),
        ({"nonscalar_logit_scale": True}, {}),
    ],
)
def test_what_open_clip_converts_is_converted_alike(
    tmp_path: Path, made: dict[str, Any], wanted: dict[str, Any]
) -> None:
    weights = tiny(seed=1, **made).state_dict()
    path = save(tmp_path / "w.pt", weights)
    theirs, mine = tiny(**wanted), tiny(**wanted)
    open_clip.load_checkpoint(theirs, str(path))
    load_checkpoint(mine, path, "w")
    assert same(mine.state_dict(), theirs.state_dict())
    assert same(torch.load(path), weights)  # what was given is left as it was


def test_weights_of_another_architecture_are_told_what_differs(weights: Weights) -> None:
    refusal(
        lambda: load_into(tiny(dim=24), weights, "runs/w.pt"),
        "The weights runs/w.pt are of another architecture",
        "2 of another shape (text_projection, visual.proj)",
    )
    few = {key: value for key, value in weights.items() if "visual" not in key}
    refusal(lambda: load_into(tiny(), few, "w"), "missing (visual.", ", ...)")
    more = weights | {"head.weight": torch.zeros(2)}
    refusal(lambda: load_into(tiny(), more, "w"), "1 unknown (head.weight)")
    refusal(lambda: load_into(tiny(), {}, "w"), "missing (positional_embedding, text_projection")
    refusal(lambda: load_into(tiny(CustomTextCLIP), few, "w"), "missing (visual.")


def test_weights_that_cannot_be_resized_are_told_what_differs(weights: Weights) -> None:
    wide = weights | {"positional_embedding": torch.zeros(8, 20)}
    refusal(lambda: load_into(tiny(), wide, "w"), "1 of another shape (positional_embedding)")
    odd = weights | {"visual.positional_embedding": torch.zeros(4, 16)}
    refusal(lambda: load_into(tiny(), odd, "w"), "another architecture", "visual.positional")
    bent = weights | {"logit_scale": torch.zeros(3)}
    refusal(lambda: load_into(tiny(), bent, "w"), "1 of another shape (logit_scale)")


def test_a_model_is_as_it_was_where_weights_do_not_fit(weights: Weights) -> None:
    model = tiny()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    refusal(lambda: load_into(model, weights | {"x": torch.zeros(1)}, "w"))
    assert same(model.state_dict(), before)


def test_arrays_of_big_vision_are_for_siglip_models(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=np.zeros(2))
    refusal(lambda: load_checkpoint(tiny(), path, "w"), "another architecture", "big_vision")
    refusal(lambda: read_state_dict(path), "big_vision")
    np.savez(path, a=np.array([Harmful(tmp_path / "ran")], dtype=object))
    refusal(lambda: load_checkpoint(tiny(), path, "w"))
    assert not (tmp_path / "ran").exists()
