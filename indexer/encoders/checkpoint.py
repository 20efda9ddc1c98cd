"""Files with weights into models of torch. Runs no code that stands in a file; knows no hub."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

from indexer.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    StateDict = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model", "model_state_dict")  # open_clip's, and what others use
_PREFIXES = ("module.", "_orig_mod.")  # of models in DistributedDataParallel or torch.compile
_SHOWN = 3  # keys in a message
_HEADER_LIMIT = 100 << 20  # bytes, safetensors' own

# what torch and open_clip raise on files and weights that are not as they expect
_LOADING = (pickle.UnpicklingError, RuntimeError, ValueError, LookupError, AttributeError,
            TypeError, AssertionError, EOFError, OverflowError, MemoryError,
            struct.error)  # fmt: skip
_CONVERTING = (AssertionError, RuntimeError, LookupError, ValueError, AttributeError, TypeError)


def load_checkpoint(model: nn.Module, path: Path, name: str) -> None:
    """Load a file with weights into an open_clip model; raises CheckpointError.

    Takes big_vision's `.npz` files too, which only SigLIP models can read.
    """
    if check_weights(path) == "npz":
        _load_big_vision(model, path, name)
    else:
        load_into(model, read_state_dict(path), name)


def read_state_dict(path: Path) -> StateDict:
    """Read the tensors of a checkpoint, by name, on the CPU; raises CheckpointError.

    Takes safetensors, and torch's files with nothing but tensors and plain values. What training
    wraps around a model's own names is taken off.
    """
    match check_weights(path):
        case "safetensors":
            content: Any = _read_safetensors(path)
        case "torch":
            content = _read_torch(path, mmap=True)
        case "pickle":  # torch before 1.6
            content = _read_torch(path, mmap=False)
        case _:
            raise CheckpointError(f"{path} holds big_vision's arrays and no torch weights.")
    return _unwrapped(content, path)


def check_weights(path: Path) -> str:
    """Return what kind of weights a file holds, by its first bytes: before a model is made for it.

    Raises CheckpointError for a file that holds none.
    """
    kind = _kind(path)
    if kind == "script":
        raise CheckpointError(
            f"{path} is a TorchScript archive, which holds code besides weights. "
            "Use the same model's safetensors, or an open_clip pair such as ViT-B-32/openai."
        )
    if kind == "other":
        raise CheckpointError(
            f"{path} is neither safetensors nor a torch checkpoint. Check that it is the "
            "file with the weights and was downloaded whole."
        )
    return kind


def load_into(model: nn.Module, state_dict: Mapping[str, Tensor], name: str) -> None:
    """Load weights into an open_clip model, as open_clip's load_checkpoint does from a file.

    Position embeddings of another size are resized and other makers' names converted. `name` is
    what the weights are called in messages. Raises CheckpointError unless every weight fits.
    """
    try:
        fitted = _fitted(model, dict(state_dict))
    except _CONVERTING:
        fitted = dict(state_dict)  # the names and shapes below tell more than the error
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in fitted]
    unknown = [key for key in fitted if key not in wanted]
    misshapen = [key for key in wanted if key in fitted and fitted[key].shape != wanted[key].shape]
    if missing or unknown or misshapen:
        faults = [
            _counted(missing, "missing"),
            _counted(unknown, "unknown"),
            _counted(misshapen, "of another shape"),
        ]
        raise _other_architecture(name, "; ".join(fault for fault in faults if fault))
    try:
        model.load_state_dict(fitted)
    except _CONVERTING as error:
        raise _other_architecture(name, "torch cannot load them") from error


def _kind(path: Path) -> str:
    """Tell what a file is by its content, whatever its ending."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
            size = path.stat().st_size
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror or error}. Check the path of the weights."
        ) from error
    if not size:
        raise CheckpointError(f"{path} is empty. Fetch the file with the weights again.")
    header = int.from_bytes(start[:8], "little")
    if start[8:] == b"{" and header <= _HEADER_LIMIT:
        return "safetensors"
    if start[:4] == b"PK\3\4":
        return _kind_of_zip(path)
    return "pickle" if start[:1] == b"\x80" else "other"


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path) from error
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return "script"
    if all(name.endswith(".npy") for name in names):
        return "npz"
    return "torch"


def _read_safetensors(path: Path) -> StateDict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path) from error


def _read_torch(path: Path, *, mmap: bool) -> Any:
    import torch

    # torch takes a path for safetensors by its ending, and maps nothing but a path
    mmap = mmap and path.suffix != ".safetensors"
    options: dict[str, Any] = {"map_location": "cpu", "weights_only": True, "mmap": mmap}
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore", UserWarning)  # of pickle protocols
            return torch.load(path if mmap else file, **options)
    except pickle.UnpicklingError as error:
        if "Unsupported" not in str(error) and "GLOBAL" not in str(error):
            raise _damaged(path) from error
        raise CheckpointError(
            f"{path} holds objects besides tensors, which could run code when loaded; nothing "
            "was run. Use the same model's safetensors."
        ) from error
    except (*_LOADING, OSError) as error:
        raise _damaged(path) from error


def _unwrapped(content: Any, path: Path) -> StateDict:
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    from torch import Tensor

    tensors = content if isinstance(content, dict) else {}
    found = {key: value for key, value in tensors.items() if isinstance(value, Tensor)}
    if not found or len(found) < len(tensors) or not all(isinstance(key, str) for key in found):
        raise CheckpointError(
            f"{path} holds no weights of a model by name. Check that it is a whole model's "
            "checkpoint: a state_dict, or a dict with one."
        )
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in found):
            found = {key.removeprefix(prefix): value for key, value in found.items()}
    return found


def _fitted(model: Any, weights: StateDict) -> StateDict:
    """Convert what open_clip's own `load_checkpoint` (3.3) converts, in its order."""
    import torch
    from open_clip.convert import convert_state_dict
    from open_clip.model import (
        convert_to_custom_text_state_dict,
        resize_pos_embed,
        resize_text_pos_embed,
    )

    weights = convert_state_dict(model, weights)
    if "positional_embedding" in weights and not hasattr(model, "positional_embedding"):
        weights = convert_to_custom_text_state_dict(weights)
    for scalar in ("logit_scale", "logit_bias"):
        own = getattr(model, scalar, None)
        if own is not None and scalar in weights:
            weights[scalar] = weights[scalar].reshape(own.shape)
    biased = getattr(model, "logit_bias", None) is not None and "logit_scale" in weights
    if biased and "logit_bias" not in weights:
        weights["logit_bias"] = torch.zeros_like(weights["logit_scale"])
    if "text.transformer.embeddings.position_ids" not in model.state_dict():
        # transformers after 4.31 has no such buffer
        weights.pop("text.transformer.embeddings.position_ids", None)
    resize_pos_embed(weights, model)
    resize_text_pos_embed(weights, model)
    return weights


def _load_big_vision(model: Any, path: Path, name: str) -> None:
    from open_clip.convert import load_big_vision_weights

    try:
        load_big_vision_weights(model, str(path))
    except (*_CONVERTING, OSError, zipfile.BadZipFile) as error:
        raise _other_architecture(name, "they are big_vision's") from error


def _other_architecture(name: str, fault: str) -> CheckpointError:
    return CheckpointError(
        f"The weights {name} are of another architecture: {fault}. "
        "Name the architecture that they were trained with."
    )


def _counted(keys: list[str], what: str) -> str:
    if not keys:
        return ""
    shown = ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")
    return f"{len(keys)} {what} ({shown})"


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} is damaged or not whole. Fetch the file again.")
