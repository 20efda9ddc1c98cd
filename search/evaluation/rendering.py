"""Evaluations as JSON and as tables. Prints nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias, get_args

from search.evaluation.comparison import LOWER_IS_BETTER
from search.evaluation.details import Direction
from search.evaluation.pairs import TRAITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from search.evaluation.bootstrap import Interval
    from search.evaluation.comparison import Comparison, Difference
    from search.evaluation.details import Detail
    from search.evaluation.exactness import Agreement
    from search.evaluation.measures import Figure, Measures
    from search.evaluation.runs import Evaluation

    Row: TypeAlias = list[str]

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)

_WORDS = {"text_to_image": "text to image", "image_to_text": "image to text"}
_SHORT = {"median_rank": "median"}


def evaluation_json(evaluation: Evaluation) -> dict[str, object]:
    """Give both directions, with their groups."""
    return {
        direction: _measures_json(getattr(evaluation, direction))
        | {
            f"by_{trait}": found
            for trait in TRAITS
            if (
                found := {
                    group.name: _measures_json(getattr(group, direction))
                    for group in evaluation.groups
                    if group.trait == trait
                }
            )
        }
        for direction in DIRECTIONS
    }


def comparison_json(comparison: Comparison, other: Evaluation) -> dict[str, object]:
    """Give the other space's own figures, and what they gain."""
    return {
        "space": str(comparison.space),
        **evaluation_json(other),
        "difference": {
            direction: {
                each.name: {
                    "value": each.value,
                    "interval": each.interval,
                    "excludes_0": each.excludes_0,
                }
                for each in getattr(comparison, direction)
            }
            for direction in DIRECTIONS
        },
    }


def agreement_json(found: Sequence[Agreement]) -> dict[str, object]:
    """Give how each index answers."""
    return {
        each.target: {figure.name: figure.value for figure in each.figures}
        | {"queries": each.queries, "indexed": each.indexed, "vectors": each.vectors}
        for each in found
    }


def details_json(found: Sequence[Detail]) -> list[dict[str, object]]:
    """Give queries with what they found."""
    return [asdict(each) for each in found]


def evaluation_lines(evaluation: Evaluation) -> Iterator[str]:
    """Draw a table for each direction: all pairs, then each source and language."""
    for direction in DIRECTIONS:
        measures: Measures = getattr(evaluation, direction)
        rows = [_head(direction, measures.figures), *_measures_rows("all", measures)]
        for group in evaluation.groups:
            if group.text_to_image.queries < evaluation.text_to_image.queries:
                own: Measures = getattr(group, direction)
                rows += _measures_rows(f"{group.trait} {group.name}", own)
        yield from _table(rows)
        yield ""


def comparison_lines(comparison: Comparison, own: Evaluation, other: Evaluation) -> Iterator[str]:
    """Draw a table for each direction: both spaces and what lies between them."""
    names = _labels(own.space.model, other.space.model)
    for direction in DIRECTIONS:
        first: Measures = getattr(own, direction)
        second: Measures = getattr(other, direction)
        differences: tuple[Difference, ...] = getattr(comparison, direction)
        spans = [each.interval for each in differences]
        rows = [
            _head(direction, first.figures)[:-1],
            [names[0], *(_number(each.name, each.value) for each in first.figures)],
            [names[1], *(_number(each.name, each.value) for each in second.figures)],
            ["difference", *(_number(each.name, each.value, sign=True) for each in differences)],
            *_interval_rows([each.name for each in differences], spans, sign=True),
            ["excludes 0", *("yes" if each.excludes_0 else "no" for each in differences)],
        ]
        yield from _table(rows)
        yield _verdict(names[1], differences)
        yield ""


def agreement_lines(found: Sequence[Agreement]) -> Iterator[str]:
    """Draw a table of how each index answers."""
    rows: list[Row] = []
    for each in found:
        overlaps = [figure for figure in each.figures if figure.name.startswith("overlap")]
        recalls = [figure for figure in each.figures if figure.name.startswith("recall")]
        ends = [figure.name.removeprefix("overlap") for figure in overlaps]
        rows = rows or [["index against exact", *ends, "queries", "indexed", "catalog"]]
        sizes = [f"{size:,}" for size in (each.queries, each.indexed, each.vectors)]
        for name, figures in (("overlap", overlaps), ("recall", recalls)):
            values = [f"{figure.value:.4f}" for figure in figures]
            rows += [[f"{each.target} {name}", *values, *sizes]] * bool(figures)
    yield from _table(rows)
    yield ""


def worst_lines(found: Sequence[Detail]) -> Iterator[str]:
    """Write out queries with their answers and what stood before them."""
    for each in found:
        yield f"{_WORDS[each.direction]}, rank {each.rank:,}: {each.query}"
        yield f"  answer  {_score(each.score)}  {each.answer}"
        yield f"  first   {_score(each.top_score)}  {each.top}"


def _score(score: float | None) -> str:
    return "-" if score is None else f"{score:.4f}"


def _measures_json(measures: Measures) -> dict[str, object]:
    return {
        **{figure.name: figure.value for figure in measures.figures},
        "queries": measures.queries,
        "candidates": measures.candidates,
        "intervals": {figure.name: figure.interval for figure in measures.figures},
    }


def _head(direction: Direction, figures: Sequence[Figure]) -> Row:
    names = (_SHORT.get(figure.name, figure.name) for figure in figures)
    return [_WORDS[direction], *names, "queries"]


def _measures_rows(label: str, measures: Measures) -> list[Row]:
    values = [_number(figure.name, figure.value) for figure in measures.figures]
    names = [figure.name for figure in measures.figures]
    spans = [figure.interval for figure in measures.figures]
    return [[label, *values, f"{measures.queries:,}"], *_interval_rows(names, spans)]


def _interval_rows(
    names: Sequence[str], spans: Sequence[Interval | None], *, sign: bool = False
) -> list[Row]:
    return [
        [
            label,
            *(
                _number(n, s[end], sign=sign) if s else "-"
                for n, s in zip(names, spans, strict=True)
            ),
        ]
        for end, label in enumerate(("  95 % from", "       to"))
    ]


def _number(name: str, value: float, *, sign: bool = False) -> str:
    form = ",.4g" if name in LOWER_IS_BETTER else ".3f"
    return f"{value:{'+' if sign else ''}{form}}"


def _labels(own: str, other: str) -> tuple[str, str]:
    """Shorten folders of models to their names, where these differ."""
    short = PurePath(own).name, PurePath(other).name
    return (own, other) if short[0] == short[1] else short


def _verdict(model: str, differences: Iterable[Difference]) -> str:
    """Say in words where the interval of a difference excludes 0."""
    better = [each.name for each in differences if each.excludes_0 and each.is_better]
    worse = [each.name for each in differences if each.excludes_0 and not each.is_better]
    parts = [f"is better by {', '.join(better)}"] * bool(better)
    parts += [f"is worse by {', '.join(worse)}"] * bool(worse)
    if not parts:
        return f"No difference excludes 0: {model} may as well be better as worse."
    return f"{model} {' and '.join(parts)}: there the interval of the difference excludes 0."


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """Align columns: labels to the left, figures to the right."""
    width = [max(len(row[i]) for row in rows if i < len(row)) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width[i]) if i else cell.ljust(width[i]) for i, cell in enumerate(row)]
        yield "  ".join(cells).rstrip()
