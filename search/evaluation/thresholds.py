"""What figures must reach: `recall@10=0.6`, `text_to_image.mrr=0.4`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from indexer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Placed: TypeAlias = tuple[str, str, float]  # where, measure, value

_FORM = re.compile(r"((?P<place>\w+)\.)?(?P<name>\w+(@\d+)?)\s*=\s*(?P<least>\d*\.?\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Threshold:
    """The least that a measure may be; in every direction where no one is named."""

    place: str | None
    name: str
    least: float

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """Read `[DIRECTION.]MEASURE=VALUE`. Raises UsageError."""
        form = _FORM.fullmatch(text.strip())
        if form is None:
            raise UsageError(f"{text!r} is no threshold. Write one as recall@10=0.6 is.")
        least = float(form["least"])
        if least > 1:
            raise UsageError(f"{text!r} is never reached: measures are fractions of 1, as 0.6.")
        return cls(form["place"], form["name"], least)

    def covers(self, place: str, name: str) -> bool:
        """Tell whether a measure of one direction is meant."""
        return name == self.name and self.place in {None, place}


def require_known(thresholds: Sequence[Threshold], known: Sequence[tuple[str, str]]) -> None:
    """Raise UsageError when a threshold means none of the measures that will be there."""
    for each in thresholds:
        if not any(each.covers(*measure) for measure in known):
            wanted = f"{each.place}.{each.name}" if each.place else each.name
            names = ", ".join(dict.fromkeys(name for _, name in known))
            places = ", ".join(dict.fromkeys(place for place, _ in known))
            raise UsageError(
                f"Nothing is measured that is called {wanted}. Name one of {names}; in one "
                f"direction alone as DIRECTION.MEASURE, of {places}."
            )


def shortfalls(thresholds: Sequence[Threshold], figures: Sequence[Placed]) -> list[str]:
    """Name every figure that falls short of a threshold, in words."""
    return [
        f"{place} {name} is {value:.4f}, under {each.least:g}"
        for each in thresholds
        for place, name, value in figures
        if each.covers(place, name) and value < each.least
    ]
