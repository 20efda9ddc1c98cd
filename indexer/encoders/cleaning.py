"""Texts tidied before they are cut into tokens, as open_clip tidies them. Knows no tokenizer.

open_clip's `lower` is the cleaning `whitespace` in lower case, its `canonicalize` is `punctuation`
in lower case.
"""

from __future__ import annotations

import html
import string
from typing import Literal, get_args

Cleaning = Literal["none", "whitespace", "punctuation"]

CLEANINGS: tuple[str, ...] = get_args(Cleaning)
_NO_PUNCTUATION = str.maketrans("_", " ", string.punctuation.replace("_", ""))


def clean(text: str, cleaning: Cleaning) -> str:
    """Tidy a text: what comes out is valid Unicode.

    `whitespace` repairs what was decoded wrongly, resolves HTML entities and makes each run of
    whitespace one space; `punctuation` takes ASCII punctuation out as well.
    """
    if cleaning == "none":
        return _paired(text)
    repaired = text if _is_sound(text) else _repaired(text)
    if cleaning == "punctuation":
        repaired = repaired.translate(_NO_PUNCTUATION)
    return _paired(" ".join(repaired.split()))


def _is_sound(text: str) -> bool:
    """Tell whether a text is one that `_repaired` leaves as it is, without asking it."""
    return text.isascii() and text.isprintable() and "&" not in text


def _repaired(text: str) -> str:
    import ftfy  # it imports in 50 ms

    return html.unescape(html.unescape(ftfy.fix_text(text)))  # twice, as open_clip does


def _paired(text: str) -> str:
    """Join pairs of surrogates and replace lone ones by U+FFFD, as ftfy does."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
