"""The files of Hugging Face's text towers and tokenizers that open_clip names, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.encoders.hub import Hub

if TYPE_CHECKING:
    from indexer.encoders.architecture import Architecture

CONFIG = "config.json"
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "tokenizer.model",
    "sentencepiece.bpe.model",
)  # fmt: skip


def local_text_files(architecture: Architecture, *, hub: Hub | None = None) -> dict[str, Any]:
    """Give `text_cfg` with folders in place of the hub's names, fetched where need be.

    transformers takes a folder for a name and asks no one. Raises HubError.
    """
    hub = hub or Hub.from_environment()
    text = dict(architecture.text)
    if tower := text.get("hf_model_name"):
        folder = _given(tower) or hub.fetch_folder(tower, (CONFIG,))
        text |= {"hf_model_name": str(folder), "hf_model_pretrained": False}
    if tokenizer := text.get("hf_tokenizer_name"):
        # open_clip, too, takes a tokenizer's files from beside a configuration of one's own
        own = architecture.folder
        beside = own if own and any((own / file).is_file() for file in TOKENIZER) else None
        # a tokenizer without a word on its kind is that of the model
        folder = (
            beside or _given(tokenizer) or hub.fetch_folder(tokenizer, TOKENIZER, besides=(CONFIG,))
        )
        text["hf_tokenizer_name"] = str(folder)
    return text


def _given(name: str) -> Path | None:
    return Path(name) if Path(name).is_dir() else None
