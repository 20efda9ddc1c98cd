"""Captions in JSON: an object a line, an array of objects, or COCO's captions format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from indexer.captions.text import (
    CAPTION,
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
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_CAPTIONS = (*CAPTION, "captions")
_LINES_REMEDY = "it needs one JSON object a line, with the keys image and caption"
_KEYS_REMEDY = "each needs the keys image and caption"


def object_rows(path: Path, head: str) -> Iterator[CaptionRow]:
    """Read the JSON that begins with `head`: a document, or a document a line."""
    first_line = head.partition("\n")[0]
    return _line_rows(path) if _is_jsonl(first_line, path) else _document_rows(path)


def _is_jsonl(first_line: str, path: Path) -> bool:
    if path.suffix.lower() in {".jsonl", ".ndjson"}:
        return True
    try:
        first = json.loads(first_line)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "annotations" not in first


def _line_rows(path: Path) -> Iterator[CaptionRow]:
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                record = _parsed(path, line.strip(), first_line=number)
                yield from _record_rows(path, record, f"line {number}", number)


def _document_rows(path: Path) -> Iterator[CaptionRow]:
    with open_text(path) as file:
        document = _parsed(path, file.read(), first_line=1)
    match document:
        case {"images": list(images), "annotations": list(annotations)}:
            yield from _coco_rows(path, images, annotations)
        case list(records):
            for number, record in enumerate(records, start=1):
                yield from _record_rows(path, record, f"item {number}")
        case record:
            yield from _record_rows(path, record, "its object")


def _parsed(path: Path, text: str, *, first_line: int) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:  # also too many digits, or too deep
        line = first_line + getattr(error, "lineno", 1) - 1
        refuse(path, f"is not JSON in line {line}", _LINES_REMEDY)
    return value


def _record_rows(
    path: Path, record: object, where: str, line: int | None = None
) -> Iterator[CaptionRow]:
    if not isinstance(record, dict):
        refuse(path, f"has no object in {where}", _LINES_REMEDY)
    values = {field_name(key): value for key, value in record.items()}
    image, captions = _first_value(IMAGE, values), _first_value(_CAPTIONS, values)
    if values.keys().isdisjoint(IMAGE) or values.keys().isdisjoint(_CAPTIONS):
        refuse(path, f"has the keys {listed(record)} in {where}", _KEYS_REMEDY)
    if not isinstance(image, str) or not image.strip():
        refuse(path, f"names no image in {where}", IMAGE_REMEDY)
    for caption, language in _stated(captions, _language_of(values)):
        if caption is None:
            refuse(path, f"has a caption that is not text in {where}", "put it in quotes")
        if text := clean_caption(caption):
            yield CaptionRow(image.strip(), text, language, line)


def _stated(captions: object, language: str | None) -> Iterator[tuple[str | None, str | None]]:
    """Give the captions in a string, an object or a list of them, with their languages.

    What is none of these gives a caption of None; null is a caption left blank.
    """
    match captions:
        case None:
            pass
        case str(text):
            yield text, language
        case list(items):
            for item in items:
                yield from _stated(item, language)
        case dict(fields):
            values = {field_name(str(key)): value for key, value in fields.items()}
            known = not values.keys().isdisjoint(CAPTION)
            stated = _first_value(CAPTION, values) if known else False
            yield from _stated(stated, _language_of(values) or language)
        case _:
            yield None, None


def _first_value(known: Iterable[str], values: Mapping[str, object]) -> object:
    return next((values[name] for name in known if name in values), None)


def _language_of(values: Mapping[str, object]) -> str | None:
    language = _first_value(LANGUAGE, values)
    return (clean_caption(language) or None) if isinstance(language, str) else None


def _coco_rows(
    path: Path, images: Sequence[object], annotations: Sequence[object]
) -> Iterator[CaptionRow]:
    names: dict[object, str] = {}
    for number, image in enumerate(images, start=1):
        match image:
            case {"id": int() | str() as image_id, "file_name": str(name)} if name.strip():
                names[image_id] = name.strip()
            case _:
                refuse(path, f"has no id and file_name in image {number}", "each image needs both")
    for number, annotation in enumerate(annotations, start=1):
        match annotation:
            case {"image_id": int() | str() as image_id, "caption": str(caption)}:
                if text := clean_caption(caption):
                    # An image that is not listed is named so that it can be reported.
                    yield CaptionRow(names.get(image_id, f"image_id {image_id}"), text)
            case _:
                fact = f"has no image_id and caption in annotation {number}"
                refuse(path, fact, "name COCO's captions file, not its instances or keypoints")
