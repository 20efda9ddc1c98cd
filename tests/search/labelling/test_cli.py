"""`classify` as it is typed, on the sample photos and by the model that comes with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from indexer.sample import sample_folder
from search.cli import main

if TYPE_CHECKING:
    from click.testing import Result

LABELS = "# of the sample\ncat: kitten\ncup of coffee\nKITTEN\nkitten: young cat\nscrewdriver\n"


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, builtin_known: Path) -> Path:
    folder = tmp_path_factory.mktemp("indexed")
    shutil.copytree(sample_folder(), folder / "photos")
    run("index", folder / "photos", "--library", folder / "library", "--model", "builtin")
    return folder


@pytest.fixture
def own(indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    library = shutil.copytree(indexed / "library", tmp_path / "library")
    (tmp_path / "labels.txt").write_text(LABELS, "utf-8")
    monkeypatch.setenv("SIGHTSEEK_LIBRARY", str(library))
    return tmp_path / "labels.txt"


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_labels_become_keywords_that_a_search_shows(own: Path, indexed: Path) -> None:
    said = run("classify", "--labels", own)
    assert "Line 5 repeats the label 'kitten' of line 4; they count as one." in said.stderr
    assert "1  cup of coffee" in said.stdout
    assert "2 labels of no photo" in said.stdout
    hit = json.loads(run("search", "a cup of coffee", "--json", "-k", "1").stdout)["hits"][0]
    assert Path(hit["path"]).name == "coffee.jpg"
    assert [(each["text"], each["source"]) for each in hit["keywords"]] == [
        ("cup of coffee", "labels")
    ]
    assert 0.5 <= hit["keywords"][0]["score"] <= 1
    assert json.loads(run("status", "--json").stdout)["labels"]["cup of coffee"] == 1
    assert "cup of coffee (1)" in run("status").stdout
    assert not list((indexed / "photos").glob("*.xmp"))


def test_json_says_all_and_a_dry_run_writes_nothing(own: Path) -> None:
    found = json.loads(run("classify", "--labels", own, "--dry-run", "--json").stdout)
    assert (found["photos"], found["dry_run"], found["sidecars"]) == (15, True, None)
    assert {each["label"] for each in found["labels"]} == {
        "cat", "cup of coffee", "KITTEN", "screwdriver",
    }  # fmt: skip
    assert found["labelled"] == len(found["hits"]) > 0
    assert all(0.5 <= label["confidence"] <= 1 for hit in found["hits"] for label in hit["labels"])
    assert found["repeated"] == [{"label": "kitten", "line": 5, "first_line": 4}]
    assert json.loads(run("status", "--json").stdout)["labels"] == {}


def test_only_photos_that_fulfil_filters_are_labelled(own: Path) -> None:
    words = ("classify", "--labels", own, "--template", "{}", "--min-confidence", "0", "--json")
    found = json.loads(run(*words, "--folder", "photos", "--has", "captions").stdout)
    assert (found["photos"], found["labelled"]) == (0, 0)
    found = json.loads(run(*words, "--orientation", "portrait").stdout)
    assert 0 < found["photos"] == found["labelled"] < 15
    assert found["keywords"]["added"] == 4 * found["photos"]
    cleared = json.loads(run("classify", "--clear", "--json", "--orientation", "square").stdout)
    assert (cleared["keywords"]["removed"], cleared["labelled"]) == (0, 0)


def test_sidecars_are_written_and_cleared(own: Path, indexed: Path) -> None:
    photos = indexed / "photos"
    words = ("classify", "--labels", own)
    lines = run(*words, "--write-xmp", "--dry-run").stdout.splitlines()
    assert [line for line in lines if "coffee.jpg: cup of coffee 0." in line]
    assert not list(photos.glob("*.xmp"))
    assert run(*words, "--write-xmp", "--quiet").output == ""
    assert b"<rdf:li>cup of coffee</rdf:li>" in (photos / "coffee.jpg.xmp").read_bytes()
    said = run("classify", "--clear", "--write-xmp")
    assert "removed from 15 photos" in said.stdout
    assert not list(photos.glob("*.xmp"))


def test_a_sidecar_that_fails_is_named_and_counted(own: Path, indexed: Path) -> None:
    side = indexed / "photos" / "coffee.jpg.xmp"
    side.write_text("mine, and no XMP")
    try:
        said = run("classify", "--labels", own, "--write-xmp", "--template", "{}", code=1)
    finally:
        side.unlink()
        run("classify", "--clear", "--write-xmp")
    assert f"{side} is no XML" in said.stderr
    assert "XMP sidecars could not be written for 1 of the photos; the library" in said.stderr


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        ([], "There are no labels. Name a file", 2),
        (["--labels", "none.txt"], "There is no file of labels at none.txt", 1),
        (["--labels", "{own}", "--template", "a photo"], "has no place for a label", 2),
        (["--labels", "{own}", "--min-confidence", "2"], "not in the range", 2),
        (["--labels", "{own}", "--library", "{none}"], "There is no library at", 1),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    own: Path, tmp_path: Path, words: list[str], said: str, code: int
) -> None:
    filled = [word.format(own=own, none=tmp_path / "none") for word in words]
    assert said in run("classify", *filled, code=code).stderr
    assert not (tmp_path / "none").exists()
