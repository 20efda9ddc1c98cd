r"""What stands in one text: plain words, words that are not wanted, filters.

Words are parted by white space. `key:value` is a filter, and `-key:value` its opposite, where a key
is two or more letters and its value follows at once: `12:30`, `C:\photos`, `note: this` and
`http://a.b` are plain words. `-word` is not wanted; `-5` is plain. Quotes keep words together: as a
value, `camera:"pixel 7"`, as what is not wanted, and on their own, where all in them is plain. `\`
keeps the word behind it plain: `\-word`, `\note:this`; in a value it stands before a quote, a space
or another `\`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from indexer.errors import UsageError
from indexer.filters import Condition
from search.filter_text import KINDS, read_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTED = r'"(?:[^"\\]|\\.)*"(?!\S)'
_KEY = r"[A-Za-z][A-Za-z-]*[A-Za-z]:(?!//)(?=\S)"
_ESCAPED = re.compile(rf'\\(?P<word>(?:[-"\\]|{_KEY})\S*)')
_FILTER = re.compile(
    rf'(?P<sign>-?)(?P<key>{_KEY})(?P<value>{_QUOTED}|(?!")(?:\\["\\\s]|\S)+)?', re.DOTALL
)
_UNWANTED = re.compile(rf"-(?P<words>{_QUOTED}|[^\W\d_]\S*)", re.DOTALL)
_PHRASE = re.compile(_QUOTED, re.DOTALL)
_WORD = re.compile(r"\S+")
_WEIGHT = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+):(?=\S)")
_ESCAPE = re.compile(r'\\(["\\\s])')
_SCHEMES = ("http:", "https:")  # of addresses with a slash too few


class Unwanted(NamedTuple):
    """Words that are not wanted."""

    words: str
    is_quoted: bool  # nothing in them is more than words


class Words(NamedTuple):
    """What a text asks for."""

    plain: str
    unwanted: tuple[Unwanted, ...]
    filters: tuple[Condition, ...]


def read_words(text: str) -> Words | None:
    """Tell what stands in a text; None where all of it is plain as it stands.

    Raises UsageError for a filter that there is not, and for a value that makes no sense.
    """
    words = list(_words(text))
    plain = [word for word in words if isinstance(word, str)]
    if plain == text.split():
        return None
    return Words(
        plain=" ".join(plain),
        unwanted=tuple(word for word in words if isinstance(word, Unwanted)),
        filters=tuple(word for word in words if isinstance(word, Condition)),
    )


def split_line(line: str) -> Iterator[str]:
    """Part a line into the words that a shell would give a command, quotes left on.

    What a quote does not close, and what a backslash leads, ends at the next space.
    """
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        weight = _WEIGHT.match(line, at)
        end = _end(line, weight.end() if weight else at)
        yield line[at:end]
        at = end


def _end(line: str, at: int) -> int:
    """Tell where the word ends that begins at `at`."""
    if not line.startswith("\\", at):
        if (match := _FILTER.match(line, at)) and match["key"].lower() not in _SCHEMES:
            if match["value"] is not None:
                return match.end()
        elif match := _UNWANTED.match(line, at) or _PHRASE.match(line, at):
            return match.end()
    word = _WORD.match(line, at)
    return word.end() if word else len(line)


def _words(text: str) -> Iterator[str | Unwanted | Condition]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _next(text, at)
        yield word


def _next(text: str, at: int) -> tuple[str | Unwanted | Condition, int]:
    """Read the word that begins at `at`, and tell where it ends."""
    if match := _ESCAPED.match(text, at):
        return match["word"], match.end()
    if (match := _FILTER.match(text, at)) and match["key"].lower() not in _SCHEMES:
        return _condition(match), match.end()
    if match := _UNWANTED.match(text, at):
        words = match["words"]
        return Unwanted(_unquoted(words), words.startswith('"')), match.end()
    if (match := _PHRASE.match(text, at)) and match[0].strip('"').strip():
        return _unquoted(match[0]), match.end()
    match = _WORD.match(text, at)
    return (match[0], match.end()) if match else (text[at], at + 1)


def _condition(match: re.Match[str]) -> Condition:
    key, value = match["key"][:-1].lower(), match["value"]
    if key not in KINDS:
        raise UsageError(
            f"{match['key'][:-1]!r} is no filter. Known ones: {', '.join(KINDS)}. "
            f"For these very words, write '\\{match[0].removeprefix('-')}'."
        )
    if value is None:
        raise UsageError(
            f"The quotes after {key}: do not close, or no space follows them. "
            f'Write {key}:"some words".'
        )
    return read_filter(key, _unquoted(value), negated=bool(match["sign"]))


def _unquoted(value: str) -> str:
    """Take off quotes, and the backslashes that protect them."""
    inner = value[1:-1] if value.startswith('"') else value
    return _ESCAPE.sub(r"\1", inner)
