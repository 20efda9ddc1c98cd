from __future__ import annotations

import html
import subprocess
import sys

import ftfy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.encoders.cleaning import CLEANINGS, clean


@pytest.mark.parametrize(
    ("text", "tidy", "bare"),
    [
        ("A  dog,\n on a_beach! ", "A dog, on a_beach!", "A dog on a beach"),
        ("fish &amp;amp; chips &lt;3", "fish & chips <3", "fish chips 3"),
        ("schÃ¶n â€œsoâ€\x9d", 'schön "so"', "schön so"),
        ("\x00\x07 \u3000\t", "", ""),
        ("犬\u3000が", "犬 が", "犬 が"),
    ],
)
def test_a_text_is_tidied(text: str, tidy: str, bare: str) -> None:
    assert clean(text, "none") == text
    assert clean(text, "whitespace") == tidy
    assert clean(text, "punctuation") == bare


@pytest.mark.parametrize("cleaning", CLEANINGS)
def test_half_a_surrogate_pair_becomes_a_replacement_character(cleaning: str) -> None:
    assert clean("a \ud800 \udfff", cleaning) == "a \ufffd \ufffd"
    assert clean("\ud83d\ude00", cleaning) == "😀"


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters(), max_size=30), st.sampled_from(CLEANINGS))
def test_what_comes_out_is_valid_unicode(text: str, cleaning: str) -> None:
    clean(text, cleaning).encode()


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_plain_ascii_comes_out_as_with_ftfy(text: str) -> None:
    repaired = html.unescape(html.unescape(ftfy.fix_text(text)))
    assert clean(text, "whitespace") == " ".join(repaired.split())


def test_texts_that_need_no_cleaning_import_nothing() -> None:
    code = "import sys; from indexer.encoders.cleaning import clean; clean('a', 'none')"
    code += "; clean('A dog\\'s <life>: 3.50, isn\\'t it?', 'punctuation')"
    code += "; assert not {'ftfy', 'torch', 'open_clip'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
