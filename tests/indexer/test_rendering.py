from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from indexer.records import IndexReport, Skipped, Space, Switch, Unseen
from indexer.rendering import report_json, report_lines, unswitched_line, warning_lines

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


def test_a_switch_is_told_with_what_it_leaves_behind() -> None:
    old, new = Space("old model", "a", "b", 8), Space("new", "c", "d", 8)
    report = IndexReport(switch=Switch(old, new, done=True, photos=3))
    assert list(report_lines(report))[1:] == [
        "Switched to new; the old vectors stay until: sightseek forget --space 'old model'"
    ]
    assert report_json(report)["switched"]
    assert report_json(report)["switch"]["to"] == str(new)
    updated = IndexReport(switch=Switch(old, replace(old, weights_digest="e"), done=True, photos=3))
    assert list(report_lines(updated))[1].endswith("'old model@a-b'")


def test_what_prevents_a_switch_is_named() -> None:
    old, new = Space("old", "a", "b", 8), Space("new", "c", "d", 8)
    lacking = tuple(Skipped(Path(f"/p/{number}.jpg"), "is damaged") for number in range(12))
    switch = Switch(old, new, done=False, photos=40, lacking=lacking)
    lines = list(warning_lines(IndexReport(switch=switch)))
    assert lines[:2] == ["Without a vector of new: 12 photos:", "  /p/0.jpg: is damaged"]
    assert len(lines) == 12
    assert len(list(report_lines(IndexReport(switch=switch)))) == 1
    assert unswitched_line(switch).startswith("Not switched to new: 12 of 40 photos could not be")
    assert not report_json(IndexReport(switch=switch))["switched"]
    assert report_json(IndexReport())["switch"] is None


def test_reports_add_up() -> None:
    total = FULL + IndexReport(added=1, seconds=2, interrupted=True) + IndexReport()
    assert (total.added, total.seconds, total.interrupted) == (1201, 12, True)
    assert total.skipped == FULL.skipped
