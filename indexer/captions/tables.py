"""Captions in tables: CSV files and Flickr's token files, a caption a record."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TextIO

from indexer.captions.matching import has_photo_suffix
from indexer.captions.text import (
    CAPTION,
    COLLECTION,
    COLUMNS_REMEDY,
    IMAGE,
    IMAGE_REMEDY,
    LANGUAGE,
    clean_caption,
    field_name,
    listed,
    open_text,
    refuse,
)
from indexer.records import CaptionRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_RECORD_LINES = 100  # a CSV record of more is a quote left open
_END = "\0end of file\0"
_TOKEN = re.compile(r"[^\t\n]+#\d+\s*\t")  # Flickr: name.jpg#0<TAB>caption
_NUMBER = re.compile(r"#\d+$")
_QUOTE_REMEDY = "close the quote, and double any quote inside a caption"


def is_token_line(head: str) -> bool:
    """Tell whether a file begins as Flickr's token files do: `name.jpg#0`, a tab."""
    return _TOKEN.match(head) is not None


def table_rows(path: Path, head: str) -> Iterator[CaptionRow]:
    """Read the table that begins with `head`; raises CaptionsError at once if it is none."""
    if is_token_line(head):
        return _token_rows(path, numbered=True)
    layout = _layout_of(head)
    if layout is not None:
        return _csv_rows(path, layout)
    name, *captions = head.partition("\n")[0].split("\t")
    if len(captions) == 1 and has_photo_suffix(name.strip()):
        return _token_rows(path, numbered=False)
    columns = max((_columns(head, delimiter) for delimiter in ",;\t|"), key=len)
    return refuse(path, f"has the columns {listed(columns)}", COLUMNS_REMEDY)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a CSV file keeps what, by the indices of its columns."""

    delimiter: str
    spaced: bool  # a space follows each delimiter
    width: int
    image: int
    caption: int
    language: int | None
    collection: int | None


def _layout_of(head: str) -> _Layout | None:
    for delimiter in ",;\t|":
        names = [field_name(name) for name in _columns(head, delimiter)]
        image, caption = _first_of(IMAGE, names), _first_of(CAPTION, names)
        if image is None or caption is None:
            continue
        # Flickr30k's results.csv writes `| ` too, but quotes nothing.
        spaced = delimiter != "|" and f"{delimiter} " in head.partition("\n")[0]
        language, collection = _first_of(LANGUAGE, names), _first_of(COLLECTION, names)
        return _Layout(delimiter, spaced, len(names), image, caption, language, collection)
    return None


def _columns(head: str, delimiter: str) -> list[str]:
    names = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter))
    while names and not names[-1].strip():
        names.pop()
    return names


def _first_of(known: Sequence[str], names: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _csv_rows(path: Path, layout: _Layout) -> Iterator[CaptionRow]:
    with open_text(path, newline="") as file:
        records = _records(path, file, layout)
        next(records, None)  # the header
        for line, fields in records:
            text = clean_caption(_caption_cell(path, line, fields, layout))
            if not text:
                continue
            image = _cell(fields, layout.image)
            if not image:
                refuse(path, f"names no image in line {line}", IMAGE_REMEDY)
            language = _cell(fields, layout.language) or None
            collection = _cell(fields, layout.collection) or None
            yield CaptionRow(image, text, language, line, collection)


def _records(path: Path, file: TextIO, layout: _Layout) -> Iterator[tuple[int, list[str]]]:
    """Give the records that are not blank, each with the line that it starts on."""
    lines = chain(file, [_END])  # a quote left open swallows the end mark
    reader = csv.reader(lines, delimiter=layout.delimiter, skipinitialspace=layout.spaced)
    line = 1
    try:
        for fields in reader:
            if fields == [_END]:
                return
            if reader.line_num - line >= _RECORD_LINES or (fields and fields[-1].endswith(_END)):
                refuse(path, f"has a quote left open from line {line}", _QUOTE_REMEDY)
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error:  # its limit on a field is the whole process's, so it stays as it is
        limit = f"{csv.field_size_limit():,} characters"
        refuse(path, f"has a field of over {limit} from line {line}", _QUOTE_REMEDY)


def _caption_cell(path: Path, line: int, fields: list[str], layout: _Layout) -> str:
    """Give a record's caption, rejoined where the delimiters in it were not quoted."""
    if not any(field.strip() for field in fields[layout.width :]):
        return _cell(fields, layout.caption)
    if layout.caption != layout.width - 1:
        fact = f"has {len(fields)} fields in line {line} and {layout.width} columns"
        refuse(path, fact, f'put quotes (") around each field that contains {layout.delimiter!r}')
    return (layout.delimiter + " " * layout.spaced).join(fields[layout.caption :])


def _cell(fields: Sequence[str], index: int | None) -> str:
    return fields[index].strip() if index is not None and index < len(fields) else ""


def _token_rows(path: Path, *, numbered: bool) -> Iterator[CaptionRow]:
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            name, tab, caption = line.partition("\t")
            image = _NUMBER.sub("", name.strip()) if numbered else name.strip()
            text = clean_caption(caption)
            if text and image:
                yield CaptionRow(image, text, line=number)
            elif text or (image and not tab):
                fact = f"has no image and caption in line {number}"
                refuse(path, fact, "each line needs an image's name, a tab and a caption")
