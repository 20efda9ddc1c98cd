from __future__ import annotations

import json

from indexer.encoders.manifest import TextSettings
from indexer.encoders.tokens import TextTokenizer

VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "a": 2, "dog": 3}
CONTENT = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "[UNK]"},
}


def tokenizer(**options: object) -> TextTokenizer:
    how = {"padding": "context", "pad_id": 0, "lowercase": False} | options
    return TextTokenizer.parse(json.dumps(CONTENT).encode(), TextSettings(4, **how))


def test_long_texts_are_cut_and_short_ones_padded() -> None:
    words = tokenizer()
    ids, mask = words.pad(words.ids(["a dog", "dog dog dog dog a"]))
    assert ids.tolist() == [[2, 3, 0, 0], [3, 3, 3, 3]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


def test_padding_goes_to_the_longest_text_where_asked() -> None:
    words = tokenizer(padding="longest", pad_id=1)
    assert words.pad(words.ids(["a dog", "a"]))[0].tolist() == [[2, 3], [2, 1]]


def test_a_text_is_cleaned_then_put_in_lower_case() -> None:
    assert tokenizer().ids(["A &#65;"]) == [[1, 1, 1, 1]]
    assert tokenizer(cleaning="whitespace", lowercase=True).ids(["A &#65;"]) == [[2, 2]]


def test_an_id_can_be_zeroed_and_is_read_still() -> None:
    words = tokenizer(zeroed_id=3)
    ids, mask = words.pad(words.ids(["a dog"]))
    assert ids.tolist() == [[2, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 0, 0]]
