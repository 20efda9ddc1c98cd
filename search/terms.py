r"""Terms with weights, and filters, as they are typed and written. Knows no models or libraries.

The language, as typed in a shell: `horse + stripes - "0.5:fence"`. A term is a text, the path of a
photo or the URL of one; `+` and `-` between terms add and subtract, `2:term` weighs one. Words that
stand side by side are one text.

Within a text, `key:value` is a filter: of the photos that pass all filters, the best are found.
`-key:value` asks for the others, and `-word` subtracts a word, as a term of its own would.
`syntax.py` says what counts as such, `filter_text.py` what keys and values there are:

    dog after:2021 camera:"pixel 7" -cat

`\` before a term takes all of it as plain words: `16:9` is 16 times "9", `\16:9` is those words
and `2:\16:9` is twice them. Before a word inside of a text it takes that word so: `dog \-cat`.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from indexer.decode.formats import HEAD_BYTES, claims_photo, sniff
from indexer.errors import PathNotFoundError, UsageError
from indexer.filters import Condition, Filters
from search.filter_text import write_filters
from search.syntax import read_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from search.syntax import Words

Kind: TypeAlias = Literal["text", "photo", "url", "given"]

_WEIGHED = re.compile(r"(?P<weight>\d+(\.\d+)?|\.\d+):(?P<term>.+)", re.DOTALL)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query; a negative weight asks for its opposite.

    The value of a `given` term is the key of a photo whose vector comes with the query.
    """

    kind: Kind
    value: str
    weight: float = 1.0

    def __str__(self) -> str:
        """Write the term, without its sign, as the one word that is read as it."""
        value = f"\\{self.value}" if self.kind == "text" and _is_more(self.value) else self.value
        size = abs(self.weight)
        # as digits alone: 1e-07 would be no weight
        return value if size == 1 else f"{Decimal(str(size)).normalize():f}:{value}"


def read_terms(words: Sequence[str], *, names: bool = True) -> tuple[tuple[Term, ...], Filters]:
    """Read the terms and filters of a query from the words of a command line.

    Without `names`, no word is a path or an address: no file is looked at.
    """
    terms, filters = list[Term](), list[Condition]()
    for sign, part in _parts(words):
        found, conditions = _read(1 if sign in {None, "+"} else -1, part, names=names)
        if sign is not None and not found:
            raise UsageError(
                f"'{sign}' stands before filters alone. Put words after it; what filters find is "
                f"left out by -{write_filters(Filters(conditions))[0]}."
            )
        terms += found
        filters += conditions
    return tuple(terms), Filters(tuple(filters))


def _parts(words: Sequence[str]) -> Iterator[tuple[str | None, list[str]]]:
    sign, part = None, list[str]()  # a sign waits for its term
    for word in words:
        if word not in {"+", "-"}:
            part.append(word)
            continue
        if sign and not part:
            raise UsageError(f"'{word}' follows a sign. Put a term between two signs.")
        if part:
            yield sign, part
        sign, part = word, []
    if sign and not part:
        raise UsageError(f"'{words[-1]}' stands at the end. Put a term after it.")
    if part:
        yield sign, part


def check_weights(terms: Iterable[Term]) -> None:
    """Raise UsageError where a term weighs nothing, or more than can be told."""
    if any(not math.isfinite(term.weight) or term.weight == 0 for term in terms):
        raise UsageError("The weight of a term must be a number other than 0.")


def _read(
    sign: int, words: Sequence[str], *, names: bool
) -> tuple[list[Term], tuple[Condition, ...]]:
    terms, filters = list[Term](), list[Condition]()
    open_text: int | None = None  # words side by side, until a photo or a weight comes
    for word in words:
        weighed = _WEIGHED.fullmatch(word)
        weight = sign * (float(weighed["weight"]) if weighed else 1.0)
        inner = weighed["term"].lstrip() if weighed else word
        own, unwanted, conditions = _term(inner, weight, names=names)
        if weighed and not own:
            raise UsageError(f"The weight of {word!r} weighs no words. Put some behind it.")
        if own and own.kind == "text" and open_text is not None and not weighed:
            text = terms[open_text]
            terms[open_text] = Term("text", f"{text.value} {own.value}", text.weight)
        elif own:
            open_text = len(terms) if own.kind == "text" else None
            terms.append(own)
        terms += unwanted
        filters += conditions
    return terms, tuple(filters)


def _term(
    word: str, weight: float, *, names: bool
) -> tuple[Term | None, list[Term], tuple[Condition, ...]]:
    """Read one word of a command line: its own term, what it subtracts, and its filters."""
    if word.startswith("\\"):
        return Term("text", _stated(word[1:]), weight), [], ()
    asked = _within(word) if names else read_words(word)
    if asked is None:
        return _plain(word, weight, names=names), [], ()
    unwanted = [
        Term("text", _stated(each.words), -weight)
        if each.is_quoted
        else _plain(each.words, -weight, names=names)
        for each in asked.unwanted
    ]
    own = _plain(asked.plain, weight, names=names) if asked.plain else None
    return own, unwanted, asked.filters


def _plain(word: str, weight: float, *, names: bool) -> Term:
    kind = _kind(word) if names else "text"
    return Term(kind, _stated(word) if kind == "text" else word, weight)


def _within(word: str) -> Words | None:
    """Tell what stands in a word of a command line, unless it names a file or an address."""
    if _URL.fullmatch(word):
        return None
    try:
        if Path(word).expanduser().is_file():
            return None
    except (OSError, ValueError, RuntimeError):  # words that can be no path
        pass
    return read_words(word)


def _stated(value: str) -> str:
    if not value.strip():
        raise UsageError("A term is empty. Put words, a photo's path or its URL there.")
    if any("\ud800" <= character <= "\udfff" for character in value):  # no model reads them
        raise UsageError(f"{value!a} is not text in UTF-8. Type it anew.")
    return value.strip()


def _is_more(value: str) -> bool:
    """Whether a text, typed as it is, would be read as more than text."""
    signs = value in {"+", "-"} or value.startswith("\\")
    path = _names_photo(value) or _names_folder(value)
    return signs or path or bool(_WEIGHED.fullmatch(value) or _URL.fullmatch(value)) or _asks(value)


def _asks(value: str) -> bool:
    """Whether a text, typed as it is, would have filters or words that are not wanted."""
    try:
        return read_words(value) is not None
    except UsageError:
        return True


def _kind(word: str) -> Kind:
    if _URL.fullmatch(word):
        return "url"
    try:
        path = Path(word).expanduser()
        if path.is_file():
            return "photo" if claims_photo(path) or _shows_photo(path) else "text"
    except PermissionError:  # whoever reads the photo says so
        return "photo" if _names_photo(word) else "text"
    except (OSError, ValueError, RuntimeError):  # words that can be no path
        return "text"
    if _names_folder(word):
        raise UsageError(f"{word} is a folder. Name a photo in it, or write '\\{word}' for words.")
    if _names_photo(word):
        raise PathNotFoundError(
            f"There is no photo at {word}. Check the path; to search for these very words, "
            f"write '\\{word}'."
        )
    return "text"


def _names_photo(word: str) -> bool:
    """Whether words can only mean a photo's path: `a dog.jpg` may still be words."""
    path = Path(word)
    return claims_photo(path) and (" " not in word or path.name != word)


def _names_folder(word: str) -> bool:
    """Whether words are a folder's path: `beach` is a word, even where a folder is called so."""
    try:
        return os.sep in word and Path(word).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):
        return False


def _shows_photo(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES)) is not None
