"""The two towers of an open_clip model as ONNX graphs in fp32. Knows nothing of files."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from timm.utils import reparameterize_model
from torch import nn

from indexer.encoders.export.modules import use_fast_modules
from indexer.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto
    from torch import Tensor

OPSET = 20  # the first with Gelu
EMBEDDINGS = "embeddings"


class ImageTower(nn.Module):
    """Pixels `(n, 3, size, size)`, normalised, to embeddings `(n, dim)`."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode a batch, to unit rows."""
        embeddings: Tensor = self.model.encode_image(pixels, normalize=True)
        return embeddings


class TextTower(nn.Module):
    """Token ids `(n, context_length)` to embeddings `(n, dim)`."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> Tensor:
        """Encode a batch, to unit rows."""
        embeddings: Tensor = self.model.encode_text(input_ids, normalize=True)
        return embeddings


class CausalTextTower(nn.Module):
    """Token ids of any length to embeddings, where no token sees what follows it.

    What stands after the end of a text cannot change its vector, so it need not be computed.
    """

    def __init__(self, tower: Any) -> None:
        super().__init__()
        self.tower = tower
        self.pool_type = getattr(tower, "text_pool_type", None) or tower.pool_type
        self.eos_id = getattr(tower, "text_eos_id", getattr(tower, "eos_id", None))

    @staticmethod
    def within(model: Any) -> Any | None:
        """Find the part of a model that is such a tower, if it has one."""
        tower = getattr(model, "text", model)
        pool_type = getattr(tower, "text_pool_type", getattr(tower, "pool_type", None))
        plain = getattr(tower, "cls_emb", None) is None
        masked = isinstance(getattr(tower, "attn_mask", None), torch.Tensor)
        own = type(tower).__name__ in {"CLIP", "TextTransformer"}
        return tower if own and plain and masked and pool_type in {"argmax", "eos"} else None

    def forward(self, input_ids: Tensor) -> Tensor:
        """Encode a batch, to unit rows."""
        from open_clip.transformer import text_global_pool

        tower, length = self.tower, input_ids.shape[1]
        x = tower.token_embedding(input_ids) + tower.positional_embedding[:length]
        x = tower.transformer(x, attn_mask=tower.attn_mask[:length, :length])
        x = tower.ln_final(x)
        x = text_global_pool(x, input_ids, self.pool_type, eos_token_id=self.eos_id)
        projection = tower.text_projection
        if projection is not None:
            x = projection(x) if isinstance(projection, nn.Linear) else x @ projection
        return nn.functional.normalize(x, dim=-1)


def export_image_tower(model: Any, size: int, *, fast: bool = True) -> ModelProto:
    """Export what `encode_image` does; raises ExportError."""
    pixels = torch.zeros(2, 3, size, size)
    return _exported(ImageTower(_prepared(model, fast=fast)), {"pixels": pixels}, {})


def export_text_tower(model: Any, context_length: int, *, fast: bool = True) -> ModelProto:
    """Export what `encode_text` does; raises ExportError."""
    model = _prepared(model, fast=fast)
    causal = CausalTextTower.within(model)
    tower = TextTower(model) if causal is None else CausalTextTower(causal)
    # distinct rows, since the exporter would take equal inputs for one
    ids = torch.arange(3 * context_length).reshape(3, context_length) % 7 + 1
    dynamic = {} if causal is None else {1: torch.export.Dim("length", max=context_length)}
    return _exported(tower, {"input_ids": ids}, dynamic)


def takes_any_length(model: Any) -> bool:
    """Tell whether texts need no padding beyond the longest of a batch."""
    return CausalTextTower.within(model) is not None


def _prepared(model: Any, *, fast: bool) -> Any:
    if fast:
        # weights are shared with the original, modules are not
        shared = {id(each): each for each in (*model.parameters(), *model.buffers())}
        model = copy.deepcopy(model, shared)
        model = reparameterize_model(model, inplace=True)
        use_fast_modules(model)
    return model


def _exported(
    tower: nn.Module, inputs: Mapping[str, Tensor], dynamic: Mapping[int, Any]
) -> ModelProto:
    (name,) = inputs
    try:
        with torch.inference_mode(mode=False), torch.no_grad():
            program = torch.onnx.export(
                tower.eval(),
                kwargs=dict(inputs),
                dynamo=True,
                input_names=[name],
                output_names=[EMBEDDINGS],
                dynamic_shapes={name: {0: torch.export.Dim("n"), **dynamic}},
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, ValueError, TypeError,
            NotImplementedError, AttributeError) as error:  # fmt: skip
        raise ExportError(f"torch cannot write it as ONNX: {_first_line(error)}") from error
    if program is None:
        raise ExportError("torch gave no ONNX graph")
    proto: ModelProto = program.model_proto
    for node in proto.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]  # stack traces with paths of this machine
    return proto


def _first_line(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
