from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.words import path_words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A girl's Café, don't", ["a", "girl", "cafe", "don", "t"]),
        ("IMG_2041-beach.jpg", ["img", "2041", "beach", "jpg"]),
        ("Straße ŒUVRE Ångström", ["strasse", "œuvre", "angstrom"]),
        ("ΑΘΉΝΑ Москва", ["αθηνα", "москва"]),
        ("狗", ["狗"]),
        ("一只小狗", ["一", "只", "小", "狗", "一只", "只小", "小狗"]),
        ("2005年の夏", ["2005", "年", "の", "夏", "年の", "の夏"]),
        ("ｶﾞｰﾄﾞ", ["ガ", "ー", "ド", "ガー", "ード"]),
        ("한국", ["한", "국", "한국"]),
        ("ไทย", ["ไ", "ท", "ย", "ไท", "ทย"]),
        ("हिन्दी", ["हिन्दी"]),
        ("🏖️ 👩‍🚀", ["🏖", "👩", "🚀"]),
        ("ﬁne ½ \uff38", ["fine", "1", "2", "x"]),
        ('\0 "NEAR(a)* ^b', ["near", "a", "b"]),
        (" -_.,:;!?'\"()*^+\0\u200d\ufe0f", []),
        ("", []),
    ],
)
def test_a_text_has_these_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_path_has_the_words_of_its_name_and_of_its_folders() -> None:
    name, folders = path_words(Path("/home/Ann/2019 BeachDay/IMG_2041-myDog.final.JPG"))
    assert name == ["img", "2041", "mydog", "final", "my", "dog"]
    assert folders == ["home", "ann", "2019", "beachday", "beach", "day"]


def test_a_word_that_never_ends_is_cut_alike_wherever_it_stands() -> None:
    assert words("x" * 10_000) == words("x" * 64 + "y") == ["x" * 64]


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_words_are_letters_digits_or_symbols_whatever_the_text(text: str) -> None:
    found = words(text)
    for word in found:
        assert word
        assert not any(character.isspace() or character in "\"'*()\0" for character in word)
        assert {unicodedata.category(character)[0] for character in word} <= set("LMNS")
    assert words(" ".join(found[:1])) == found[:1]  # a word is found by itself
