"""A model card in Markdown, written from what was measured.

After Mitchell et al. 2019 (arXiv:1810.03993).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from indexer.encoders.manifest import Agreement, Manifest
    from indexer.training.measure import Recall, Retrieval
    from indexer.training.report import TrainReport

CARD = "MODEL_CARD.md"


def model_card(manifest: Manifest, report: TrainReport) -> str:
    """Write the card of a trained bundle."""
    sections = (
        _head(manifest, report),
        _data(report),
        _recall(report),
        _cosines(report),
        _naming(report),
        _form(manifest, report),
        _sources(manifest),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _head(manifest: Manifest, report: TrainReport) -> list[str]:
    kind = "refitted on all photos for the steps found" if report.refitted else "as measured"
    return [
        f"# {manifest.name}",
        "",
        f"{manifest.description}. {manifest.dim} numbers a vector.",
        "",
        f"Written by `sightseek train` from its own measurements. The base is `{report.base}`; its "
        f"towers are frozen, and heads were trained for {report.steps} steps (seed {report.seed}).",
        "Recall, cosines with captions and labels are of heads fitted on the training photos only,",
        "stopped early by the validation photos and measured on the test photos; sizes, speeds and",
        f"agreement are of the files in this folder, whose heads are {kind}.",
    ]


def _data(report: TrainReport) -> list[str]:
    parts = ", ".join(
        f"{count:,} {part}" for part, count in sorted(report.captioned_photos.items())
    )
    rows = (
        [c.collection, f"{c.photos:,}", f"{c.captions:,}", f"{c.labels:,}"]
        for c in report.collections
    )
    return [
        "## Trained on",
        "",
        *_table(("collection", "photos", "captions", "labels"), rows),
        "",
        f"Photos with captions, split by content: {parts}.",
    ]


def _recall(report: TrainReport) -> list[str]:
    before = {(each.collection, each.language): each for each in report.base_test}
    rows = []
    for each in report.test:
        base = before.get((each.collection, each.language))
        rows.append(
            [
                each.collection,
                each.language,
                f"{each.captions:,}",
                f"{each.photos}",
                _percent(each.text_to_image),
                _percent(each.image_to_text),
                _percent(base.text_to_image) if base else "",
            ]
        )
    return [
        "## Recall on test photos, percent @1 / @5 / @10",
        "",
        "The gallery is the validation and test photos of the same collection.",
        "",
        *_table(
            (
                *("collection", "language", "captions", "gallery"),
                *("text to photo", "photo to text", "the base alone, text to photo"),
            ),
            rows,
        ),
    ]


def _cosines(report: TrainReport) -> list[str]:
    return [
        "## Cosines of captions with their own test photos, and with others",
        "",
        *_table(
            ("collection", "language", "own: p1 / p10 / p50 / p90 / p99", "others", "AUC"),
            (_cosine_row(each) for each in report.test),
        ),
    ]


def _cosine_row(each: Retrieval) -> list[str]:
    own, others = (
        f"{s.p1:.2f} / {s.p10:.2f} / {s.p50:.2f} / {s.p90:.2f} / {s.p99:.2f}"
        for s in (each.related, each.unrelated)
    )
    return [each.collection, each.language, own, others, f"{each.auc:.3f}"]


def _naming(report: TrainReport) -> list[str]:
    if not report.naming:
        return []
    before = {(each.collection, each.language): each for each in report.base_naming}
    rows = (
        [
            each.collection,
            each.language,
            f"{each.photos:,}",
            f"{each.classes}",
            *(
                f"{100 * own.found_first:.1f} / {100 * own.accuracy:.1f}"
                for own in (each, before[each.collection, each.language])
            ),
        ]
        for each in report.naming
    )
    return [
        "## Labels and test photos, percent",
        "",
        "First: labels for which the first photo found is one of theirs. Second: photos whose",
        "nearest label is their own. These photos were not seen in training.",
        "",
        *_table(
            ("collection", "language", "photos", "labels", "this model", "the base alone"), rows
        ),
    ]


def _form(manifest: Manifest, report: TrainReport) -> list[str]:
    lines = ["## Form", ""]
    for tower, precision, agreement in (
        ("Images", manifest.image_precision, report.image_agreement),
        ("Texts", manifest.text_precision, report.text_agreement),
    ):
        lines.append(f"- {tower}: {precision}. {_agreement(agreement, report.source)}")
    if report.bytes_on_disk is not None:
        lines.append(f"- {report.bytes_on_disk / 1e6:.1f} MB.")
    if report.speed is not None:
        speed = report.speed
        lines.append(
            f"- In one run on {speed.threads} threads: {speed.images_per_second:.0f} images/s "
            f"({report.source}: {speed.source_images_per_second:.0f}), "
            f"{speed.query_milliseconds:.1f} ms a caption."
        )
    return lines


def _agreement(agreement: Agreement | None, source: str) -> str:
    if agreement is None:
        return ""
    change = 100 * (agreement.recall_at_10_change or 0)
    return (
        f"The small form's cosines to {source} on {agreement.count} of the validation and test "
        f"parts: mean {agreement.mean}, 1st percentile {agreement.first_percentile}, lowest "
        f"{agreement.lowest}; recall@10 of the heads that never saw them changes by "
        f"{change:+.2f} points."
    )


def _sources(manifest: Manifest) -> list[str]:
    rows = ([each.part, each.origin, each.licence] for each in manifest.sources)
    return ["## Sources and licences", "", *_table(("part", "from", "licence"), rows)]


def _percent(recall: Recall) -> str:
    return f"{100 * recall.at_1:.1f} / {100 * recall.at_5:.1f} / {100 * recall.at_10:.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
