"""The files of Hugging Face's text towers and tokenizers that open_clip names, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.encoders.hub import Hub

if TYPE_CHECKING:
    from indexer.encoders.architecture import Architecture

TOWER = ("config.json",)
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "config.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "tokenizer.model",
    "sentencepiece.bpe.model",
)  # fmt: skip


def local_text_files(architecture: Architecture, *, hub: Hub | None = None) -> dict[str, Any]:
    """Give `text_cfg` with folders in place of the hub's names, fetched where need be.

    transformers takes a folder for a name and asks no one. Raises HubError.
    """
    hub = hub or Hub.from_environment()
    text = dict(architecture.text)
    if tower := text.get("hf_model_name"):
        text |= {"hf_model_name": str(_folder(hub, tower, TOWER, architecture))}
        text |= {"hf_model_pretrained": False}
    if tokenizer := text.get("hf_tokenizer_name"):
        text["hf_tokenizer_name"] = str(_folder(hub, tokenizer, TOKENIZER, architecture))
    return text


def _folder(hub: Hub, name: str, files: tuple[str, ...], architecture: Architecture) -> Path:
    own = architecture.folder
    # open_clip, too, takes a tokenizer's files from beside a configuration of one's own
    if own is not None and any((own / file).is_file() for file in files):
        return own
    if Path(name).is_dir():
        return Path(name)
    return hub.fetch_folder(name, files)
