"""open_clip's architectures with random weights, as folders that are a model's name in themselves.

What of them is on a hub and cannot be had here has a stand-in: tokenizers are trained on the
captions at hand, Hugging Face's text towers have the true size.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import open_clip
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from torch import nn
from transformers import PreTrainedTokenizerFast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_pytorch_model.bin"
WORDS = 4000  # of a stand-in's vocabulary
ROBERTA = {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
TOWERS = {  # what distinguishes them from transformers' defaults
    "roberta-base": {"model_type": "roberta", "vocab_size": 50265, **ROBERTA},
    "xlm-roberta-base": {"model_type": "xlm-roberta", "vocab_size": 250002, **ROBERTA},
    "bert-base-uncased": {"model_type": "bert"},
}


def make_model(
    architecture: str, folder: Path, captions: Sequence[str], pixels: Tensor | None = None
) -> str:
    """Write configuration, weights and tokenizer; tell which tokenizer it has.

    `pixels` `(n, 3, any, any)` set the statistics of batch normalisation.
    """
    content = open_clip.get_model_config(architecture)
    text = content["text_cfg"]
    if tower := text.get("hf_model_name"):
        (folder / "config.json").write_text(json.dumps(TOWERS[tower]), "utf-8")
        text |= {"hf_model_name": str(folder), "hf_model_pretrained": False}
    tokenizer = "its own"
    if name := text.get("hf_tokenizer_name"):
        tokenizer = f"a stand-in for {name}"
        _train_tokenizer(name, captions).save_pretrained(folder)
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    wanted = open_clip.get_pretrained_cfg(architecture, tags[0]) if tags else {}
    names = ("mean", "std", "interpolation", "resize_mode")
    config = {"model_cfg": content, "preprocess_cfg": {n: wanted[n] for n in names if n in wanted}}
    (folder / CONFIG).write_text(json.dumps(config), "utf-8")
    torch.manual_seed(0)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
    vary(model)
    if pixels is not None:
        settle(model, pixels)
    torch.save(model.state_dict(), folder / WEIGHTS)
    return tokenizer


@torch.no_grad()
def vary(model: nn.Module) -> None:
    """Make random what starts as 0, as 1 or as next to nothing, so that none is lost unnoticed.

    Matrices get the size with which tokens differ and attend to each other: as they start, some
    towers give all images one vector.
    """
    for module in model.modules():
        for values in module.parameters(recurse=False):
            if values.dim() == 2 and isinstance(module, nn.Linear | nn.MultiheadAttention):
                values.normal_(std=values.shape[1] ** -0.5)
        for name, values in module.named_parameters(recurse=False):
            if values.dim() == 0 or values.numel() < 2 or values.min() != values.max():
                continue
            start = float(values.flatten()[0])
            if start == 1:
                values.copy_(1 + 0.2 * torch.randn_like(values))
            elif name == "bias" or start == 0:
                values.copy_(0.05 * torch.randn_like(values))
            else:  # the scale of a layer
                values.copy_(0.2 * torch.randn_like(values))


@torch.no_grad()
def settle(model: Any, pixels: Tensor) -> None:
    """Give batch normalisation the statistics of some pixels."""
    norms = [each for each in model.visual.modules() if isinstance(each, nn.BatchNorm2d)]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    model.encode_image(pixels)
    model.eval()


def _train_tokenizer(name: str, captions: Sequence[str]) -> PreTrainedTokenizerFast:
    tokenizer, trainer, template, names = _kind(name)
    tokenizer.train_from_iterator([caption.lower() for caption in captions], trainer)
    specials = [word for word in template.split() if word != "$A"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(each, tokenizer.token_to_id(each)) for each in specials]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side="right", **names)


def _kind(name: str) -> tuple[Tokenizer, Any, str, dict[str, str]]:
    """Give a tokenizer of a kind, its trainer, its template and its special tokens."""
    if "SigLIP2" in name:  # gemma's
        specials = ["<pad>", "<eos>", "<bos>", "<unk>"]
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        bytes_ = [f"<0x{value:02X}>" for value in range(256)]
        trainer = trainers.BpeTrainer(vocab_size=WORDS, special_tokens=specials + bytes_)
        words = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
        return tokenizer, trainer, "$A <eos>", {**words, "pad_token": "<pad>"}
    if "bert-base-uncased" in name:
        specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=WORDS, special_tokens=specials)
        keys = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
        return tokenizer, trainer, "[CLS] $A [SEP]", dict(zip(keys, specials, strict=True))
    if "roberta" in name:
        specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        keys = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
        words = dict(zip(keys, specials, strict=True)) | {"sep_token": "</s>", "cls_token": "<s>"}
        if "xlm" in name:
            tokenizer = Tokenizer(models.Unigram())
            tokenizer.normalizer = normalizers.NFKC()
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
            trainer = trainers.UnigramTrainer(
                vocab_size=WORDS, special_tokens=specials, unk_token="<unk>"
            )
        else:
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.decoder = decoders.ByteLevel()
            alphabet = pre_tokenizers.ByteLevel.alphabet()
            trainer = trainers.BpeTrainer(
                vocab_size=WORDS, special_tokens=specials, initial_alphabet=alphabet
            )
        return tokenizer, trainer, "<s> $A </s>", words
    specials = ["<pad>", "</s>", "<unk>"]  # T5's
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    trainer = trainers.UnigramTrainer(vocab_size=WORDS, special_tokens=specials, unk_token="<unk>")
    words = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return tokenizer, trainer, "$A </s>", words
