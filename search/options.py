"""The options of `search`, a group for each noun. Knows no query and prints nothing.

A command gets a group as one value: `@query_options` gives it a keyword `wanted`, of its own type.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from indexer.errors import UsageError
from indexer.terminal import json_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from search.query import Channel, Target

F = TypeVar("F", bound="Callable[..., Any]")


def gathered(name: str, kind: type[object], *options: Callable[[F], F]) -> Callable[[F], F]:
    """Give a command options that reach it as one value, of a dataclass with their names."""
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]  # a dataclass, always

    def decorate(command: F) -> F:
        @wraps(command)
        def call(**values: Any) -> Any:
            own = kind(**{each: values.pop(each) for each in names})
            return command(**values, **{name: own})

        decorated: Any = call
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]  # it takes what click gives

    return decorate


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to find, and how much of it."""

    top_k: int
    target: Target
    exclude_self: bool
    channels: tuple[Channel, ...]
    min_confidence: float | None
    everything: bool
    like: tuple[int, ...]
    unlike: tuple[int, ...]
    diverse: float | None
    collapse: bool | None

    def __post_init__(self) -> None:
        if self.everything and self.min_confidence is not None:
            raise UsageError("--all and --min-confidence cannot go together. Choose one.")


@dataclass(frozen=True, slots=True)
class Filtered:
    """What photos must fulfil to be found, as it was typed: values by the filters' keys."""

    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Output:
    """How to give results. Raises UsageError for two ways at once."""

    as_json: bool
    as_paths: bool
    null: bool

    def __post_init__(self) -> None:
        if self.as_json and (self.as_paths or self.null):
            raise UsageError("--json and --paths (or -0) cannot go together. Choose one.")

    @property
    def for_people(self) -> bool:
        """Whether a person reads it, and not a program."""
        return not (self.as_json or self.as_paths or self.null)


@dataclass(frozen=True, slots=True)
class Seeing:
    """How to see the photos themselves. Raises UsageError for a page that is no page."""

    open_sheet: bool
    sheet: Path | None
    preview: bool

    def __post_init__(self) -> None:
        if self.sheet is not None and self.sheet.suffix.lower() not in {".html", ".htm"}:
            # what was meant may be a photo, and would be written over
            raise UsageError(f"{self.sheet} cannot be a contact sheet. Name it FILE.html.")

    @property
    def makes_sheet(self) -> bool:
        """Whether a contact sheet is made."""
        return self.open_sheet or self.sheet is not None


class _Balance(click.FloatRange):
    """A number that may be left out: what stands after it is then taken for it."""

    name = "balance"

    def __init__(self) -> None:
        super().__init__(min=0, max=1)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no number from 0 to 1. Put --diverse last.", param, ctx)


def filter_options(command: F) -> F:
    """Give a command an option for each filter; together they reach it as `filtered`."""

    @wraps(command)
    def call(**values: Any) -> Any:
        typed = {key: tuple(values.pop(key.replace("-", "_"))) for key in _FILTERS}
        return command(**values, filtered=Filtered(typed))

    decorated: Any = call
    for key, (metavar, text) in reversed(_FILTERS.items()):
        option = click.option(f"--{key}", metavar=metavar, multiple=True, help=text)
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # it takes what click gives


_FILTERS = {
    "after": ("TIME", "Taken in or after this year, month, day or time: 2021, 2021-05, ..."),
    "before": ("TIME", "Taken before the start of this year, month, day or time."),
    "camera": ("TEXT", "Taken with a camera whose name contains this."),
    "lens": ("TEXT", "Taken with a lens whose name contains this."),
    "near": ("LAT,LON[,KM]", "Taken within KM (10) of a position in degrees."),
    "place": ("NAME[,COUNTRY][,KM]", "Where the photo says so, or within KM (20) of such a city."),
    "folder": ("GLOB", "In a folder that matches, or beneath one: 'Holidays*', '2021/*', ~/Old."),
    "orientation": ("SHAPE", "landscape, portrait or square."),
    "min-size": ("WxH", "At least so many pixels wide and high."),
    "format": ("NAME", "Of this file format: jpeg, heif, png, ..."),
    "rating": ("N|N..|..N", "Rated with so many stars; -1 are rejected photos."),
    "keyword": ("TEXT", "With this keyword."),
    "has": ("WHAT", "With captions, gps, exif, date, keywords or rating."),
}


def parse_channels(typed: str) -> tuple[str, ...]:
    """Read a list with commas; what is no channel is told by the query."""
    return tuple(dict.fromkeys(each.strip() for each in typed.split(",") if each.strip()))


query_options = gathered(
    "wanted",
    Wanted,
    click.option(
        "-k", "top_k", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
        help="How many results.",
    ),
    click.option(
        "--target", type=click.Choice(["photos", "captions"]), default="photos", show_default=True,
        help="What to find.",
    ),
    click.option(
        "--exclude-self/--include-self", default=True, show_default=True,
        help="Whether a photo that is searched by is left out of the results.",
    ),
    click.option(
        "--channels", default="image,caption,words", show_default=True, metavar="LIST",
        callback=lambda _context, _option, typed: parse_channels(typed),
        help="What may rank: the looks of photos, the meaning of captions, words of any text.",
    ),
    click.option(
        "--min-confidence", type=click.FloatRange(0, 1), default=None, metavar="X",
        help="Leave out hits less sure than this, of the best N; default: 0.2 for people who "
        "search by words alone, 0 by photos and with --json, --paths and -0.",
    ),
    click.option(
        "--all", "everything", is_flag=True, help="Show the best N, however unsure they are.",
    ),
    click.option(
        "--like", type=int, multiple=True, metavar="ID",
        help="More like this photo, by its id as --json prints it; TERM may be left out. "
        "Repeatable.",
    ),
    click.option(
        "--unlike", type=int, multiple=True, metavar="ID",
        help="Less like this photo, which is not shown. Repeatable.",
    ),
    click.option(
        "--diverse", type=_Balance(), is_flag=False, flag_value=0.5, metavar="[BALANCE]",
        help="Show what differs: 1 is relevance alone, 0 difference alone; 0.5 without a number.",
    ),
    click.option(
        "--collapse/--no-collapse", default=None,
        help="Whether copies, crops and bursts count as one result; default: for people, and not "
        "with --json, --paths and -0.",
    ),
)  # fmt: skip

output_options = gathered(
    "output",
    Output,
    json_option,
    click.option("--paths", "as_paths", is_flag=True, help="Print the photos' paths, one a line."),
    click.option("-0", "--null", "null", is_flag=True, help="Print paths, each ended with NUL."),
)

seeing_options = gathered(
    "seeing",
    Seeing,
    click.option(
        "--open", "open_sheet", is_flag=True,
        help="Show the photos on a page in the browser: a contact sheet.",
    ),
    click.option(
        "--sheet", type=click.Path(readable=False, path_type=Path, dir_okay=False),
        metavar="FILE.html",
        help="Write the contact sheet to this file; without --open it is not shown.",
    ),
    click.option(
        "--preview", is_flag=True,
        help="Show the photos beside the lines, in terminals that can: kitty, iTerm2, sixel.",
    ),
)  # fmt: skip
