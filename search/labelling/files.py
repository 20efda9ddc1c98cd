r"""Files of labels: one a line, `name` or `name: synonym, synonym`. Knows no models.

Blank lines, and lines that begin with `#`, are left out. A backslash takes the next character as
it is: `16\:9` is one name. The full-width signs of Chinese text separate as well.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.errors import LabelsError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_CHARACTERS = 200  # of a name: a keyword, no paragraph

_COLONS = ":\uff1a"  # and those of Chinese text
_COMMAS = ",\uff0c\u3001"
_SIGNS = frozenset(_COLONS + _COMMAS + "\\#")
_PIECE = re.compile(r"\\(?P<escaped>.)|(?P<plain>.)|\\$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Label:
    """A name that photos may get as a keyword, and the other names that it is found by."""

    name: str
    synonyms: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All that the label is called, its own name first."""
        return (self.name, *self.synonyms)

    def __str__(self) -> str:
        """Write the label as the line that is read as it."""
        rest = f": {', '.join(map(_escaped, self.synonyms))}" if self.synonyms else ""
        return _escaped(self.name) + rest


@dataclass(frozen=True, slots=True)
class Repeated:
    """A line whose name stood in a line before it; the synonyms of both count."""

    name: str
    line: int  # from 1
    first_line: int


@dataclass(frozen=True, slots=True)
class LabelList:
    """The labels of a file, each name once, in its order."""

    labels: tuple[Label, ...]
    repeated: tuple[Repeated, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the photos may get as keywords."""
        return tuple(label.name for label in self.labels)


def read_labels(path: Path) -> LabelList:
    """Read a file of labels. Raises PathNotFoundError and LabelsError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise PathNotFoundError(f"There is no file of labels at {path}. Check its path.") from error
    except UnicodeDecodeError as error:
        raise LabelsError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    try:
        found = parse_labels(text)
    except LabelsError as error:
        raise LabelsError(f"{path}: {error}") from error
    if not found.labels:
        raise LabelsError(f"{path} has no labels. Put one a line, as 'dog' or 'dog: puppy, hound'.")
    return found


def parse_labels(text: str) -> LabelList:
    """Read the text of a file of labels; raises LabelsError, which names the line."""
    found: dict[str, Label] = {}
    lines: dict[str, int] = {}
    repeated = []
    for line, label in _parsed(text):
        key = label.name.casefold()
        if key in found:
            repeated.append(Repeated(label.name, line, lines[key]))
            names = (*found[key].synonyms, *label.synonyms)
            found[key] = Label(found[key].name, _distinct(names, besides=key))
            continue
        found[key], lines[key] = label, line
    return LabelList(tuple(found.values()), tuple(repeated))


def _parsed(text: str) -> Iterator[tuple[int, Label]]:
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, _label(stripped, number)


def _label(line: str, number: int) -> Label:
    name, *rest = _split(line, _COLONS, most=1)
    parts = _split(rest[0], _COMMAS) if rest else []
    name = _tidied(name, number)
    if not name:
        raise LabelsError(f"line {number} has no name before its colon. Write 'name: synonym'.")
    synonyms = [tidied for part in parts if (tidied := _tidied(part, number))]
    return Label(name, _distinct(synonyms, besides=name.casefold()))


def _split(line: str, signs: str, *, most: int | None = None) -> list[str]:
    """Part a line at signs that no backslash stands before; backslashes stay where they are."""
    parts = [""]
    for piece in _PIECE.finditer(line):
        sign = piece["plain"]
        if sign and sign in signs and (most is None or len(parts) <= most):
            parts.append("")
        else:
            parts[-1] += piece[0]
    return parts


def _tidied(part: str, number: int) -> str:
    plain = "".join(piece["escaped"] or piece["plain"] or "\\" for piece in _PIECE.finditer(part))
    name = unicodedata.normalize("NFC", " ".join(plain.split()))
    if any(unicodedata.category(char) == "Cc" or char in "\ufffe\uffff" for char in name):
        raise LabelsError(f"line {number} holds a control character. Remove it.")
    if len(name) > MAX_CHARACTERS:
        raise LabelsError(
            f"line {number} has a name of {len(name):,} characters, and {MAX_CHARACTERS} are the "
            "most. Put one label a line."
        )
    return name


def _distinct(names: Iterable[str], *, besides: str) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for name in names:
        kept.setdefault(name.casefold(), name)
    kept.pop(besides, None)
    return tuple(kept.values())


def _escaped(name: str) -> str:
    return "".join(f"\\{char}" if char in _SIGNS else char for char in name)
