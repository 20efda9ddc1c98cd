"""What training measured, as values, as JSON and as lines. Knows nothing of how it is measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from indexer.encoders.manifest import Agreement
    from indexer.records import Skipped
    from indexer.training.measure import Naming, Retrieval, Speed

MOST_NAMED = 5  # in a line


@dataclass(frozen=True, slots=True)
class PartSizes:
    """How much of one collection there is to learn from."""

    collection: str
    photos: int
    captions: int
    labels: int


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What was trained on, and how well it does on photos that it was not trained on."""

    name: str
    base: str
    seed: int
    collections: tuple[PartSizes, ...]
    captioned_photos: Mapping[str, int]  # by part
    steps: int
    share: float  # of the base, in a photo's squared length
    validation: tuple[Retrieval, ...]
    test: tuple[Retrieval, ...]
    base_test: tuple[Retrieval, ...]  # the base alone, on the same photos
    naming: tuple[Naming, ...]
    base_naming: tuple[Naming, ...]
    skipped: tuple[Skipped, ...] = ()
    unmatched: tuple[str, ...] = ()  # photos that rows name and nobody has
    ambiguous: tuple[str, ...] = ()  # and names that several photos have
    refitted: bool = True  # on all photos, after measuring
    source: str = "fp32"  # what the small form is compared with
    image_agreement: Agreement | None = None
    text_agreement: Agreement | None = None
    bytes_on_disk: int | None = None
    speed: Speed | None = None
    seconds: float = field(default=0.0)


def train_json(report: TrainReport) -> dict[str, Any]:
    """Give the report as JSON has it."""
    skipped = [{"path": str(each.path), "reason": each.reason} for each in report.skipped]
    return asdict(report) | {"skipped": skipped}


def train_lines(report: TrainReport) -> Iterator[str]:
    """Say what was measured, in a few lines."""
    captioned = sum(report.captioned_photos.values())
    parts = ", ".join(
        f"{count:,} {part}" for part, count in sorted(report.captioned_photos.items())
    )
    yield f"{captioned:,} photos with captions ({parts}); {report.steps} steps."
    yield "Test photos found by their captions (in brackets by the base alone):"
    before = {(each.collection, each.language): each for each in report.base_test}
    for each in report.test:
        place = f"{each.collection}, {each.language}, {each.photos:,} photos"
        base = before.get((each.collection, each.language))
        yield f"  {place}: {each.text_to_image}{f' ({base.text_to_image})' if base else ''}"
    for tower, agreement in (("images", report.image_agreement), ("texts", report.text_agreement)):
        if agreement is not None:
            yield (
                f"Small form against {report.source}, {tower}: cosine {agreement.mean} on average, "
                f"{agreement.first_percentile} at the 1st percentile."
            )
    if report.bytes_on_disk is not None:
        yield f"{report.bytes_on_disk / 1e6:.1f} MB; {report.seconds:.0f} s."


def warning_lines(report: TrainReport) -> Iterator[str]:
    """Name what could not be used, the first of each kind."""
    for fact, names in (
        ("could not be read", [f"{each.path} ({each.reason})" for each in report.skipped]),
        ("are named in the files and not among the photos", list(report.unmatched)),
        ("are names of several photos", list(report.ambiguous)),
    ):
        if names:
            more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
            yield f"{len(names):,} {fact}: {', '.join(names[:MOST_NAMED])}{more}"
