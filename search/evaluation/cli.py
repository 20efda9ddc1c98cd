"""The command that measures: evaluate. Parses and renders."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from indexer.encoders.cli import load
from indexer.errors import PathNotFoundError, ShortfallError, UsageError
from indexer.terminal import common_options, echo_lines, json_option, note, progress_bar
from search.options import parse_channels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.library import Library
    from indexer.records import Space
    from search.evaluation.report import Report
    from search.evaluation.thresholds import Threshold
    from search.query import Channel


@click.command()
@click.option(
    "--queries",
    required=True,
    type=click.Path(readable=False, path_type=Path),
    metavar="CSV",
    help="Pairs 'image,caption', with 'source' and 'lang' if you like; images in the library.",
)
@click.option(
    "-k",
    "--k",
    "cutoffs",
    default="1,5,10",
    show_default=True,
    metavar="LIST",
    help="What recall is taken at; nDCG is at the last.",
)
@click.option(
    "--channels",
    default="",
    metavar="LIST",
    callback=lambda _context, _option, typed: parse_channels(typed),
    help="Find photos by searches through these, such as image,caption,words, and not by cosine.",
)
@click.option(
    "--compare",
    metavar="SPACE",
    help="Another model whose vectors the library holds, as 'status' names it.",
)
@click.option(
    "--against",
    type=click.Choice(["exact"]),
    help="Compare the vector index with brute force over the catalog's vectors.",
)
@click.option(
    "--fail-under",
    multiple=True,
    metavar="MEASURE=VALUE",
    help="Exit 1 when a measure is below this, such as recall@10=0.6, "
    "text_to_image.mrr=0.4. Repeatable.",
)
@click.option(
    "--details",
    type=click.Path(readable=False, dir_okay=False, path_type=Path),
    metavar="FILE.jsonl",
    help="Write each query with the rank of its answer and what stood first.",
)
@click.option(
    "--worst",
    "worst_count",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Show the N queries of each direction whose answers stand last.",
)
@json_option
@common_options
def evaluate(
    queries: Path,
    cutoffs: str,
    channels: tuple[Channel, ...],
    compare: str | None,
    against: Literal["exact"] | None,
    fail_under: tuple[str, ...],
    details: Path | None,
    worst_count: int,
    library: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how well captions find their photos, and photos their captions.

    The captions of the file are queries only. Each is ranked over all photos of the library;
    each photo is ranked over all captions of the file, and its best placed one counts. Where
    scores are equal the wrong ones stand first. Intervals hold 95 % of bootstrap samples of the
    photos. A source or a language is evaluated as if the file held no other captions.
    """
    from indexer.library import Library
    from indexer.spaces import library_encoder
    from search.evaluation.details import write_details
    from search.evaluation.measures import parse_cutoffs
    from search.evaluation.pairs import read_pairs
    from search.evaluation.report import report
    from search.evaluation.thresholds import shortfalls

    ks = parse_cutoffs(cutoffs)
    thresholds = _thresholds(fail_under, ks, exact=against == "exact")
    if details is not None and not details.absolute().parent.is_dir():
        raise PathNotFoundError(f"There is no folder {details.parent} to write to. Make it first.")
    load_model = partial(load, quiet=quiet, for_queries=True)
    with Library.open(library) as opened:
        pairs = read_pairs(queries.absolute(), opened)
        other = _other_space(opened, compare) if compare is not None else None
        encoder = library_encoder(opened, load_model)
        beside = library_encoder(opened, load_model, space=other) if other else None
        with progress_bar(quiet=quiet) as on_progress:
            found = report(
                opened,
                encoder,
                pairs,
                cutoffs=ks,
                other=beside,
                exact=against == "exact",
                detailed=details is not None or worst_count > 0,
                channels=channels,
                on_progress=on_progress,
            )
    if details is not None:
        write_details(details, found.details)
    if as_json:
        click.echo(json.dumps(_json(found, worst_count)))
    else:
        echo_lines(_lines(found, worst_count))
        _notes(found, quiet=quiet)
    if short := shortfalls(thresholds, list(found.figures)):
        raise ShortfallError(f"{'; '.join(short)}. See why with: --worst 10")


def _thresholds(
    texts: tuple[str, ...], cutoffs: tuple[int, ...], *, exact: bool
) -> list[Threshold]:
    from search.evaluation.report import measured
    from search.evaluation.thresholds import Threshold, require_known

    thresholds = [Threshold.parse(text) for text in texts]
    require_known(thresholds, measured(cutoffs, exact=exact))
    return thresholds


def _other_space(library: Library, name: str) -> Space:
    space = library.named_space(name)
    if space == library.space:
        raise UsageError(f"{name} is what the library uses already. Compare it with another space.")
    library.require_space(space)
    return space


def _json(found: Report, worst_count: int) -> dict[str, object]:
    from search.evaluation import rendering

    answer = rendering.evaluation_json(found.evaluation)
    if found.comparison is not None and found.other is not None:
        answer["compared"] = rendering.comparison_json(found.comparison, found.other)
    if found.agreements:
        answer["against_exact"] = rendering.agreement_json(found.agreements)
    if found.channels:
        answer |= {"channels": found.channels, "held_out": found.held_out}
    if worst_count:
        answer["worst"] = rendering.details_json(found.worst(worst_count))
    return answer


def _lines(found: Report, worst_count: int) -> Iterator[str]:
    from search.evaluation import rendering

    yield from rendering.evaluation_lines(found.evaluation)
    if found.comparison is not None and found.other is not None:
        yield from rendering.comparison_lines(found.comparison, found.evaluation, found.other)
    if found.agreements:
        yield from rendering.agreement_lines(found.agreements)
    if worst_count:
        yield from rendering.worst_lines(found.worst(worst_count))


def _notes(found: Report, *, quiet: bool) -> None:
    if quiet:
        return
    measures = found.evaluation.text_to_image
    note(f"{measures.queries:,} captions over {measures.candidates:,} distinct photos")
    if found.channels:
        note(f"Searched through {', '.join(found.channels)}")
    if found.held_out:
        note(f"{found.held_out:,} of the library's captions were held out: they are queries here")
    if found.left_out:
        note(f"{found.left_out:,} photos are left out: the space compared with lacks them")
