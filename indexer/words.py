"""Texts and paths to the words that they are found by. Knows no SQL and no library.

The same words are made of what is searched and of what it is searched for. Letters are folded:
compatibility forms (NFKC), case, accents. Numbers part from letters. Scripts that are written
without spaces show no words: there every character is a word, and every two neighbours are one
(as Lucene's CJKBigramFilter with `outputUnigrams`), so that queries of one character match, and
longer ones by their pairs. A symbol, such as an emoji, is a word too.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST = 64  # characters of a word that count
_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic; others mark vowels
_POSSESSIVE = re.compile(r"['\u2019]s\b")
_ASCII = re.compile(r"[a-z]+|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao; Myanmar; Khmer
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3100-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af]"  # Han
)


def words(text: str) -> list[str]:
    """Return the words of a text, folded, in order; of scripts without spaces pairs as well."""
    return [word[:_LONGEST] for word in _words(_folded(text))]


def name_words(name: str) -> list[str]:
    """Return the words of a file's or folder's name: `BeachDay_01` has beachday, beach, day, 01."""
    return list(dict.fromkeys(words(name) + words(_CAMEL.sub(" ", name))))


def path_words(path: Path) -> tuple[list[str], list[str]]:
    """Return the words of a file's name, without its ending, and those of its folders."""
    return name_words(path.stem), [word for part in path.parent.parts for word in name_words(part)]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", bare)


def _words(text: str) -> Iterator[str]:
    text = _POSSESSIVE.sub("", text)
    if text.isascii():
        yield from _ASCII.findall(text)
        return
    for kind, characters in groupby(text, _kind):
        run = "".join(characters)
        if kind == "unspaced":
            yield from run
            yield from map("".join, pairwise(run))
        elif kind == "symbol":
            yield from run
        elif kind == "number" or (kind == "letter" and any(map(str.isalpha, run))):
            yield run


@cache
def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return "number"
    if category == "So":
        return "symbol"
    if category[0] not in "LMN":
        return ""
    return "unspaced" if _UNSPACED.match(character) else "letter"
