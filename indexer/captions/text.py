"""The text of captions files: encodings, one-line captions, the names that fields go by."""

from __future__ import annotations

import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TextIO

from indexer.errors import CaptionsError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# The names that columns and keys go by, the likelier first.
IMAGE = (
    "image",
    *("filename", "file_name", "filepath", "file_path", "path", "file"),
    *("image_name", "image_path", "photo"),
)
CAPTION = ("caption", "text", "description", "comment")
LANGUAGE = ("lang", "language")
COLLECTION = ("source", "collection", "dataset")

COLUMNS_REMEDY = "it needs a first line that names the columns image,caption"
IMAGE_REMEDY = "fill in the image's name, or remove the caption"

_CONTROL: dict[int, str | None] = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
_CONTROL |= dict.fromkeys(range(0xD800, 0xE000))  # halves of surrogate pairs: no text has them
_CONTROL |= dict.fromkeys((*range(0x09, 0x0E), *range(0x1C, 0x20), 0x85), " ")


def clean_caption(text: str) -> str:
    """Put a caption on one line: NFC, single spaces, no control characters, no half surrogates."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_CONTROL))
    elif not text.isprintable():
        text = text.translate(_CONTROL)
    return " ".join(text.split())


def field_name(name: str) -> str:
    """Fold the name of a column or key: `File Name` is `file_name`."""
    return "_".join(name.replace("-", " ").strip(" \"'\ufeff").casefold().split())


@contextmanager
def open_text(path: Path, *, newline: str | None = None) -> Iterator[TextIO]:
    """Open a text file in its encoding, with what can go wrong meanwhile as one line."""
    try:
        if path.is_dir():
            refuse(path, "is a folder", "name the captions file in it")
        if path.exists() and not path.is_file():  # it is read twice, and a pipe gives but once
            refuse(path, "is a pipe or device", "save its captions in a file")
        with path.open(encoding=_encoding_of(path), newline=newline) as file:
            yield file
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"There is no captions file at {path}. Check its path."
        raise PathNotFoundError(message) from error
    except UnicodeError:
        refuse(path, "is not UTF-8 text", "save it as UTF-8")
    except OSError as error:
        refuse(path, f"cannot be read ({error.strerror})", "check its permissions")


def _encoding_of(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    if head.count(0) > len(head) // 4:
        refuse(path, "is not text, or is UTF-16 without a byte-order mark", "save it as UTF-8")
    return "utf-8-sig" if head.startswith(BOM_UTF8) else "utf-8"


def listed(names: Iterable[str]) -> str:
    """Write the first few names in one line."""
    quoted = [repr(name.strip()[:40]) for name in names] or ["(none)"]
    return ", ".join(quoted[:8]) + (", ..." if len(quoted) > 8 else "")


def refuse(path: Path, fact: str, remedy: str) -> NoReturn:
    """Raise CaptionsError: the file, the fact, the remedy."""
    raise CaptionsError(f"{path} {fact}: {remedy}")
