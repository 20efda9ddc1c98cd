"""An open_clip tokenizer as JSON for the tokenizers library. Knows nothing of towers or files."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from indexer.encoders.manifest import TextSettings
from indexer.encoders.tokens import TextTokenizer
from indexer.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.encoders.cleaning import Cleaning

CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
WORDS = r"|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # of SimpleTokenizer, after all that is literal
CLEANINGS: dict[str, tuple[Cleaning, bool]] = {  # open_clip's name -> ours, and lower case
    "lower": ("whitespace", True),
    "whitespace": ("whitespace", False),
    "canonicalize": ("punctuation", True),
}
PROBES = (  # what tokenizers disagree about; an exported one must answer to all as its source does
    "a photo of a dog", "", " \t\n\u3000", "\x00\x07\x1b", "A Dog's LIFE: it's 3.50€, isn't it?",
    "can't 'S '\u017f İstanbul STRASSE Straße ﬁne ½ Ⅳ \uff12\uff10 x² 1234567890",
    "snake_case e-mail@x.org !!!", "schÃ¶n &amp;amp; &lt;b&gt; â€œquoteâ€\x9d",
    "你好\uff0c世界。一只狗在海滩上", "犬が浜辺を走る", "바닷가의 개", "كلب على الشاطئ",
    "สุนัขบนชายหาด", "कुत्ता समुद्र तट पर", "собака на пляже", "κύων ΣΟΦΟΣ",
    "e\u0301 a\u0308\u0323 \u200b\u200d\ufeff\u00ad", "👩\u200d👩\u200d👧 🇫🇷 👍🏽",
    "\ud800 \udfff", "\u0558\u088f\U000323af\U0001d4b3",
    "<start_of_text> a<end_of_text><end_of_text>!<start_of_text>",
    "<START_OF_TEXT> <\u017ftart_of_text> <start_OF_text>",
    "[CLS] [SEP] a[SEP]b [PAD] [UNK] [MASK] <s> </s> <pad> <unk> <mask> <bos> <eos> <|endoftext|>",
    "▁a ▁ ▁▁ <0x41> </w> Ġ ##ing", "one two  three   four\n\nfive " * 40, "字" * 400,
    "!" * 400, "pneumonoultramicroscopicsilicovolcanoconiosis" * 20,
)  # fmt: skip


def export_tokenizer(tokenizer: Any, *, context_length: int) -> tuple[str, TextSettings]:
    """Give what makes `TextTokenizer` answer with the ids of one of open_clip's tokenizers.

    ExportError where that cannot be done, or where ids of the probes differ.
    """
    from open_clip.tokenizer import HFTokenizer, SigLipTokenizer, SimpleTokenizer

    if not isinstance(tokenizer, SimpleTokenizer | HFTokenizer | SigLipTokenizer):
        _refuse(f"{type(tokenizer).__name__} is unknown to sightseek")
    if getattr(tokenizer, "tokenizer_mode", "") == "clips":
        _refuse("its mode clips puts a token after the padding")
    is_simple = isinstance(tokenizer, SimpleTokenizer)
    content, pad_id = _simple(tokenizer) if is_simple else _fast(tokenizer, context_length)
    cleaning, lowercase = _cleaning(tokenizer)
    strips = getattr(tokenizer, "strip_sep_token", False)
    settings = TextSettings(
        context_length,
        padding="context",
        pad_id=pad_id,
        lowercase=lowercase,
        cleaning=cleaning,
        zeroed_id=tokenizer.tokenizer.sep_token_id if strips else None,
    )
    exported = json.dumps(content, ensure_ascii=False)
    _check(exported, settings, tokenizer)
    return exported, settings


def _refuse(reason: str) -> NoReturn:
    raise ExportError(
        f"The tokenizer cannot be exported: {reason}. The model runs in torch all the same."
    )


def _cleaning(tokenizer: Any) -> tuple[Cleaning, bool]:
    from open_clip.tokenizer import get_clean_fn

    # SigLipTokenizer has no choice
    function = getattr(tokenizer, "clean_fn", get_clean_fn("canonicalize"))
    for name, ours in CLEANINGS.items():
        if function is get_clean_fn(name):
            return ours
    _refuse(f"it cleans texts by {function.__name__}")


def _check(exported: str, settings: TextSettings, tokenizer: Any) -> None:
    try:
        ours = TextTokenizer.parse(exported.encode(), settings)
    except ValueError as error:
        _refuse(f"the tokenizers library cannot read it ({error})")
    if settings.context_length <= ours.tokenizer.num_special_tokens_to_add(False):
        _refuse(f"a context of {settings.context_length} leaves no room for words")
    wanted = tokenizer(list(PROBES), context_length=settings.context_length).numpy()
    found, _ = ours.pad(ours.ids(PROBES))
    for text, one, other in zip(PROBES, wanted, found, strict=True):
        if one.tolist() != other.tolist():
            _refuse(f"without open_clip the text {text[:60]!a} gets other ids")


def _simple(tokenizer: Any) -> tuple[dict[str, Any], int]:
    """Give SimpleTokenizer, which is CLIP's own, as byte-level BPE, and its id for padding."""
    if tokenizer.reduction_fn is not None:
        _refuse("it drops tokens of long texts at random or by their syntax")
    specials = {name: tokenizer.encoder[name] for name in _specials(tokenizer)}
    literals = (*specials, *CONTRACTIONS)
    if tokenizer.pat.pattern != "|".join(literals) + WORDS:
        _refuse("it cuts words in another way than SimpleTokenizer of open_clip 3")
    vocabulary = {token: i for token, i in tokenizer.encoder.items() if token not in specials}
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__)
    splits = [_split(_words_pattern(literals), invert=True)]
    for name, token_id in specials.items():
        # A special token in a text is a word with an id, yet BPE makes words by merging pairs. So
        # its word is cut to two characters, which are no word otherwise: those are one merge away.
        first, second = name[0], name[1]
        splits.append(_split(f"(?<={first}{second}){name[2:]}", invert=False))
        vocabulary[f"{first}{second}</w>"] = token_id
        merges.append((first, f"{second}</w>"))
    content: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*splits, _BYTES]},
        "post_processor": _between(*specials.items()),
        "decoder": None,
        "model": {
            "type": "BPE",
            "end_of_word_suffix": "</w>",
            "vocab": vocabulary,
            # no token holds a space; pairs as lists take twice as long to read
            "merges": [" ".join(pair) for pair in merges],
        },
    }
    return content, 0


def _specials(tokenizer: Any) -> tuple[str, str]:
    names = tuple(tokenizer.decoder[token_id] for token_id in tokenizer.all_special_ids)
    if names != ("<start_of_text>", "<end_of_text>"):
        _refuse(f"it has special tokens of its own ({', '.join(names[2:])})")
    return names[0], names[1]


_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def _split(pattern: str, *, invert: bool) -> dict[str, Any]:
    """Give a step that removes what matches, or with `invert` what lies between matches."""
    return {
        "type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": invert,
    }  # fmt: skip


def _between(start: tuple[str, int], end: tuple[str, int]) -> dict[str, Any]:
    """Give a step that puts a text's tokens between two special ones."""
    text: dict[str, Any] = {"Sequence": {"id": "A", "type_id": 0}}
    first, last = ({"SpecialToken": {"id": name, "type_id": 0}} for name, _ in (start, end))
    return {
        "type": "TemplateProcessing",
        "single": [first, text, last],
        "pair": [first, text, last, {"Sequence": {"id": "B", "type_id": 0}}, last],
        "special_tokens": {
            name: {"id": name, "ids": [token_id], "tokens": [name]}
            for name, token_id in (start, end)
        },
    }


def _words_pattern(literals: Iterable[str]) -> str:
    """Spell out what SimpleTokenizer's pattern matches.

    Oniguruma, which tokenizers has, knows an older Unicode than regex, which open_clip has: they
    disagree on 17,000 letters. So classes are written as ranges, and both cases of each literal.
    """
    classes = (r"\p{L}", r"\p{N}", r"^\s\p{L}\p{N}")
    ranges = _ranges({*classes, *"".join(literals)})
    either = ["".join(f"[{ranges[character]}]" for character in name) for name in literals]
    letters, numbers, others = (ranges[name] for name in classes)
    return "|".join([*either, f"[{letters}]+", f"[{numbers}]", f"[{others}]+"])


def _ranges(names: Iterable[str]) -> dict[str, str]:
    """Give the characters that classes or characters match in any case, for Oniguruma."""
    import regex

    every = "".join(map(chr, range(sys.maxunicode + 1)))
    spelled = {}
    for name in names:
        runs = regex.finditer(f"[{name}]+", every, regex.IGNORECASE)
        spelled[name] = "".join(rf"\x{{{run.start():x}}}-\x{{{run.end() - 1:x}}}" for run in runs)
    return spelled


def _fast(tokenizer: Any, context_length: int) -> tuple[dict[str, Any], int]:
    """Give the JSON within one of transformers' tokenizers, and its id for padding."""
    wrapped = tokenizer.tokenizer
    if not getattr(wrapped, "is_fast", False):
        _refuse(f"{type(wrapped).__name__} is written in Python")
    if wrapped.pad_token_id is None:
        _refuse("it has no token for padding")
    if wrapped.padding_side != "right" or wrapped.truncation_side != "right":
        _refuse("it pads or cuts texts on the left")
    if wrapped.split_special_tokens:
        _refuse("it reads special tokens in a text as words")
    # some, such as NLLB's, put their language into the template at each call
    tokenizer(["a"], context_length=context_length)
    content: dict[str, Any] = json.loads(wrapped.backend_tokenizer.to_str())
    return content | {"truncation": None, "padding": None}, int(wrapped.pad_token_id)
