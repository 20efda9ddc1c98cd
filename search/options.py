"""The options of `search`, a group for each noun. Knows no query and prints nothing.

A command gets a group as one value: `@query_options` gives it a keyword `wanted`, of its own type.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from indexer.errors import UsageError
from indexer.terminal import json_option

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def __post_init__(self) -> None:
        if self.everything and self.min_confidence is not None:
            raise UsageError("--all and --min-confidence cannot go together. Choose one.")


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


def _channels(typed: str) -> tuple[str, ...]:
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
        callback=lambda _context, _option, typed: _channels(typed),
        help="What may rank: the photos' looks, the meaning of their captions, words.",
    ),
    click.option(
        "--min-confidence", type=click.FloatRange(0, 1), default=None, metavar="X",
        help="Leave out hits less sure than this, of the best N; default: 0.2 for people, and 0 "
        "with --json, --paths and -0.",
    ),
    click.option(
        "--all", "everything", is_flag=True, help="Show the best N, however unsure they are.",
    ),
)  # fmt: skip

output_options = gathered(
    "output",
    Output,
    json_option,
    click.option("--paths", "as_paths", is_flag=True, help="Print the photos' paths, one a line."),
    click.option("-0", "--null", "null", is_flag=True, help="Print paths, each ended with NUL."),
)
