r"""What is asked for: terms with weights, what to find, how many. Knows no models or libraries.

The language of terms, as typed in a shell: `horse + stripes - "0.5:fence"`. A term is a text, the
path of a photo or the URL of one; `+` and `-` between terms add and subtract, `2:term` weighs
one. Words that stand side by side are one text. `\` before a term takes it as plain words: `16:9`
is 16 times "9", `\16:9` is those words and `2:\16:9` is twice them.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from indexer.decode.formats import HEAD_BYTES, claims_photo, sniff
from indexer.errors import PathNotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

Kind: TypeAlias = Literal["text", "photo", "url"]
Target: TypeAlias = Literal["photos", "captions"]
Channel: TypeAlias = Literal["image", "caption", "words"]

_WEIGHED = re.compile(r"(?P<weight>\d+(\.\d+)?|\.\d+):(?P<term>.+)", re.DOTALL)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query; a negative weight asks for its opposite."""

    kind: Kind
    value: str
    weight: float = 1.0

    def __str__(self) -> str:
        """Write the term, without its sign, as the one word that is read as it."""
        value = f"\\{self.value}" if self.kind == "text" and _is_more(self.value) else self.value
        size = abs(self.weight)
        # as digits alone: 1e-07 would be no weight
        return value if size == 1 else f"{Decimal(str(size)).normalize():f}:{value}"


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for. Raises UsageError when it cannot mean anything."""

    terms: tuple[Term, ...]
    target: Target = "photos"
    top_k: int = 20
    exclude_self: bool = True  # a photo that is searched by does not find itself
    channels: tuple[Channel, ...] = get_args(Channel)  # those that may rank
    min_confidence: float = 0.0  # of the best top_k, those less sure are no hits

    def __post_init__(self) -> None:
        if not self.terms:
            raise UsageError('There is nothing to search for. Try: sightseek search "a dog"')
        if self.target not in get_args(Target):
            raise UsageError(f"{self.target!r} cannot be searched for. Ask for photos or captions.")
        if self.top_k < 1:
            raise UsageError(f"{self.top_k} results cannot be given. Ask for at least 1.")
        if not self.used_channels:
            raise UsageError(self._why_no_channel())
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(f"{self.min_confidence:g} is no confidence. Give 0 to 1.")
        if any(not math.isfinite(term.weight) or term.weight == 0 for term in self.terms):
            raise UsageError("The weight of a term must be a number other than 0.")

    @classmethod
    def parse(
        cls,
        words: str | Sequence[str],
        *,
        target: Target = "photos",
        top_k: int = 20,
        exclude_self: bool = True,
        channels: tuple[Channel, ...] = get_args(Channel),
        min_confidence: float = 0.0,
    ) -> Self:
        """Read terms as typed in a shell, or one term as a string.

        Raises UsageError, and PathNotFoundError for what looks like a photo and is not there.
        """
        terms = parse_terms([words] if isinstance(words, str) else words)
        return cls(
            terms,
            target=target,
            top_k=top_k,
            exclude_self=exclude_self,
            channels=channels,
            min_confidence=min_confidence,
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that are asked for, and not against."""
        return tuple(term.value for term in self.terms if term.kind == "text" and term.weight > 0)

    @property
    def used_channels(self) -> tuple[Channel, ...]:
        """The channels that may rank, and can: captions and words need a text to rank by."""
        can: dict[Channel, bool] = {
            "image": self.target == "photos",
            "caption": self.target == "captions" or bool(self.texts),
            "words": bool(self.texts),
        }
        return tuple(each for each, able in can.items() if able and each in self.channels)

    def _why_no_channel(self) -> str:
        named = ", ".join(self.channels)
        if unknown := [each for each in self.channels if each not in get_args(Channel)]:
            return f"{unknown[0]!r} is no channel. Choose from image, caption, words."
        if self.texts or not self.channels:
            return f"Channels [{named}] rank no {self.target}. Choose from image, caption, words."
        return f"The channels {named} need words to rank by. Add some, or drop --channels."

    def __str__(self) -> str:
        first, *rest = self.terms
        text = f"- {first}" if first.weight < 0 else str(first)
        return text + "".join(f" {'-' if term.weight < 0 else '+'} {term}" for term in rest)


def parse_terms(words: Sequence[str]) -> tuple[Term, ...]:
    """Read the terms of a query from the words of a command line."""
    return tuple(term for sign, part in _parts(words) for term in _joined(sign, part))


def _parts(words: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    sign, part = 1, list[str]()
    typed = False  # a sign waits for its term
    for word in words:
        if word not in {"+", "-"}:
            part.append(word)
            continue
        if typed and not part:
            raise UsageError(f"'{word}' follows a sign. Put a term between two signs.")
        if part:
            yield sign, part
        sign, part, typed = (1 if word == "+" else -1), [], True
    if typed and not part:
        raise UsageError(f"'{words[-1]}' stands at the end. Put a term after it.")
    if part:
        yield sign, part


def _joined(sign: int, words: Sequence[str]) -> Iterator[Term]:
    text: Term | None = None  # words side by side, until a photo or a weight comes
    for word in words:
        term = _term(sign, word)
        if text and term.kind == "text" and not _WEIGHED.fullmatch(word):
            text = Term("text", f"{text.value} {term.value}", text.weight)
            continue
        if text:
            yield text
        text = term if term.kind == "text" else None
        if term.kind != "text":
            yield term
    if text:
        yield text


def _term(sign: int, word: str) -> Term:
    weight = 1.0
    if weighed := _WEIGHED.fullmatch(word):
        weight, word = float(weighed["weight"]), weighed["term"].lstrip()
    if word.startswith("\\"):
        return Term("text", _stated(word[1:]), sign * weight)
    kind = _kind(word)
    return Term(kind, _stated(word) if kind == "text" else word, sign * weight)


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
    return signs or path or bool(_WEIGHED.fullmatch(value) or _URL.fullmatch(value))


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
