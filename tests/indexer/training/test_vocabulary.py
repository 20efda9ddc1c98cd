from __future__ import annotations

import json

from tokenizers import Tokenizer

from indexer.training.vocabulary import (
    SPECIAL,
    needed_pieces,
    needed_wordpieces,
    unigram_tokenizer,
    wordpiece_tokenizer,
)

PIECES = [
    *((token, 0.0) for token in SPECIAL),
    *(("▁" + word, -5.0) for word in ("dog", "dogs", "Dog", "собака", "犬", "schön", "xyzzy")),
    *((piece, -6.0) for piece in ("狗狗", "。", "🐕", "▁", "s", "S", "do", "g", "2019", "ный")),
]
WORDPIECES = (
    "[PAD] [unused0] [UNK] [CLS] [SEP] [MASK] ! a ##g æ ж 狗 に dog ##s ##ж … x".split()  # noqa: SIM905
)


def wordpiece(vocabulary: list[str]) -> str:
    ids = {piece: row for row, piece in enumerate(vocabulary)}
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    ends = [{"SpecialToken": {"id": each, "type_id": 0}} for each in ("[CLS]", "[SEP]")]
    return json.dumps(
        {
            "version": "1.0",
            "truncation": {
                "max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"
            },
            "padding": None,
            "added_tokens": [
                {"id": ids[each], "content": each, **flags, "special": True} for each in special
            ],
            "normalizer": {
                "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                "strip_accents": None, "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [ends[0], {"Sequence": {"id": "A", "type_id": 0}}, ends[1]],
                "pair": [{"Sequence": {"id": each, "type_id": 0}} for each in "AB"],
                "special_tokens": {
                    each: {"id": each, "ids": [ids[each]], "tokens": [each]}
                    for each in ("[CLS]", "[SEP]")
                },
            },
            "decoder": None,
            "model": {
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": ids,
            },
        }
    )  # fmt: skip


def test_pieces_of_english_and_chinese_are_kept_and_those_of_other_scripts_are_not() -> None:
    kept = [PIECES[row][0] for row in needed_pieces(PIECES, ["dog"])]
    assert kept == [
        *SPECIAL, "▁dog", "▁dogs", "▁犬", "狗狗", "。", "🐕", "▁", "s", "do", "g", "2019",
    ]  # fmt: skip


def test_a_tokenizer_of_fewer_pieces_spells_the_same() -> None:
    kept = [PIECES[row] for row in needed_pieces(PIECES, ["dog"])]
    large, small = (Tokenizer.from_str(unigram_tokenizer(each)) for each in (PIECES, kept))
    for text in ("dogs  dog\n", "狗狗。", "\uff44og 🐕"):
        assert small.encode(text).tokens == large.encode(text).tokens
    encoding = small.encode("dog")
    assert encoding.tokens == ["<s>", "▁dog", "</s>"]
    assert encoding.ids == [0, 4, 2]


def test_wordpieces_of_other_scripts_are_dropped() -> None:
    rows = needed_wordpieces(wordpiece(WORDPIECES))
    assert [WORDPIECES[row] for row in rows] == [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "!", "a", "##g", "æ", "dog", "##s", "…", "x",
    ]  # fmt: skip


def test_a_tokenizer_of_fewer_wordpieces_spells_english_the_same() -> None:
    whole = wordpiece(WORDPIECES)
    small = Tokenizer.from_str(wordpiece_tokenizer(whole, needed_wordpieces(whole)))
    large = Tokenizer.from_str(whole)
    large.no_truncation()
    for text in ("Dogs! a dog…", "ag ægs", "unknown"):
        assert small.encode(text).tokens == large.encode(text).tokens
    encoding = small.encode("x dogs 狗")
    assert encoding.tokens == ["[CLS]", "x", "dog", "##s", "[UNK]", "[SEP]"]
    assert encoding.ids == [2, 12, 9, 10, 1, 3]
