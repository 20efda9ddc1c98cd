from __future__ import annotations

import json
from pathlib import Path

from indexer.records import IndexReport, Skipped, Unseen
from indexer.rendering import report_json, report_lines, warning_lines

FULL = IndexReport(
    added=1200,
    updated=1,
    moved=2,
    unchanged=3,
    removed=4,
    kept=5,
    encoded=1201,
    skipped=tuple(Skipped(Path(f"/p/{number}.jpg"), "is damaged") for number in range(12)),
    unseen=(Unseen(Path("/p/disk"), "its disk is not mounted"),),
    captions_added=7,
    captions_removed=8,
    captions_unmatched=("x.jpg",),
    captions_ambiguous=("y.jpg", "z.jpg"),
    seconds=10.0,
)


def test_the_json_holds_what_the_contract_names() -> None:
    found = json.loads(json.dumps(report_json(FULL)))
    assert {key: found[key] for key in ("added", "updated", "moved", "unchanged", "removed")} == {
        "added": 1200,
        "updated": 1,
        "moved": 2,
        "unchanged": 3,
        "removed": 4,
    }
    assert found["skipped"][0] == {"path": "/p/0.jpg", "reason": "is damaged"}
    assert len(found["skipped"]) == 12
    assert (found["seconds"], found["images_per_second"]) == (10.0, 120.1)
    assert found["not_listed"] == [{"path": "/p/disk", "reason": "its disk is not mounted"}]


def test_a_person_reads_what_happened_and_the_rate() -> None:
    lines = list(report_lines(FULL))
    assert lines == [
        "Photos: 1,200 added, 1 updated, 2 moved, 3 unchanged, 4 removed (10.0 s, 120.1 images/s)",
        "Captions: 7 added, 8 removed",
    ]


def test_a_run_that_did_nothing_says_so() -> None:
    assert list(report_lines(IndexReport())) == ["Photos: none (0.0 s)"]
    assert list(warning_lines(IndexReport())) == []
    assert report_json(IndexReport())["images_per_second"] == 0


def test_warnings_name_a_few_and_count_the_rest() -> None:
    lines = list(warning_lines(FULL))
    assert lines[0] == "Skipped 12 files:"
    assert lines[1] == "  /p/0.jpg: is damaged"
    assert "  and 2 more; --json names them all" in lines
    assert "Not listed: /p/disk: its disk is not mounted" in lines
    assert any("sightseek forget" in line for line in lines)
    assert "Captions for 1 name that match no photo:" in lines
    assert "  x.jpg" in lines


def test_reports_add_up() -> None:
    total = FULL + IndexReport(added=1, seconds=2, interrupted=True) + IndexReport()
    assert (total.added, total.seconds, total.interrupted) == (1201, 12, True)
    assert total.skipped == FULL.skipped
