"""CSV tables with named columns: labels, names, sources. Knows no photo."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from indexer.captions import clean_caption
from indexer.captions.text import open_text
from indexer.encoders.manifest import Source
from indexer.errors import CaptionsError
from indexer.records import CaptionRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def read_labels(path: Path) -> Iterator[CaptionRow]:
    """Read a CSV `image,label`, with `lang` and `source` if it has them; raises CaptionsError."""
    for row in _rows(path, "image", "label"):
        yield CaptionRow(
            row["image"], row["label"], row.get("lang") or None, None, row.get("source") or None
        )


def read_names(path: Path | None) -> Mapping[str, Mapping[str, str]]:
    """Read a CSV `label,lang,name`: what labels are called in other languages."""
    names: dict[str, dict[str, str]] = {}
    for row in _rows(path, "label", "lang", "name") if path is not None else ():
        names.setdefault(row["label"], {})[row["lang"]] = row["name"]
    return names


def read_sources(path: Path | None) -> tuple[Source, ...]:
    """Read a CSV `part,origin,licence`: what was learned from, and does not ship itself."""
    rows = _rows(path, "part", "origin", "licence") if path is not None else ()
    return tuple(Source(row["part"], row["origin"], row["licence"], shipped=False) for row in rows)


def _rows(path: Path, *columns: str) -> Iterator[dict[str, str]]:
    """Give the rows of a table that fill all `columns`; raises CaptionsError for another one."""
    with open_text(path, newline="") as file:
        rows = csv.DictReader(file)
        try:
            if not set(columns) <= set(rows.fieldnames or ()):
                wanted = ",".join(columns)
                raise CaptionsError(
                    f"{path} needs a first line that names the columns {wanted}. Add it."
                )
            for row in rows:
                values = {
                    name: clean_caption(value)
                    for name, value in row.items()
                    if name and isinstance(value, str)
                }
                if not all(values.get(column) for column in columns):
                    raise CaptionsError(
                        f"{path} has an empty field in line {rows.line_num}. Fill it."
                    )
                yield values
        except csv.Error as error:
            raise CaptionsError(
                f"{path} is no CSV table from line {rows.line_num} ({error}). Check its quotes."
            ) from error
