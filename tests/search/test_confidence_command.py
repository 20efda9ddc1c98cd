"""How sure hits are, as it is told on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete

from indexer.catalog.schema import background
from indexer.library import Library
from indexer.sample import sample_folder
from search.cli import main
from search.query import CUT_OFF

if TYPE_CHECKING:
    from pathlib import Path


PHOTOS = 15  # of the sample


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, builtin_known: Path) -> Path:
    """A library of the sample photos, without captions. Tests leave it as it is."""
    library = tmp_path_factory.mktemp("confidence") / "library"
    assert run("index", sample_folder(), "--model", "builtin", "--library", library).exit_code == 0
    return library


def test_people_see_what_is_likely_right_and_how_sure_it_is(indexed: Path) -> None:
    done = run("search", "a cup of coffee", "--library", indexed)
    rank, _, sure, path = done.stdout.splitlines()[0].split()
    assert (rank, path.endswith("coffee.jpg")) == ("1", True)
    assert CUT_OFF <= float(sure) <= 1
    assert len(done.stdout.splitlines()) < 10
    assert "--all shows them." in done.stderr


def test_what_the_library_does_not_have_is_no_good_match(indexed: Path) -> None:
    for query in ("a submarine", "一艘潜艇"):
        done = run("search", query, "--library", indexed)
        assert done.exit_code == 0
        [line] = done.stdout.splitlines()
        assert line.startswith("No good match (closest: ")
        assert "--all" in done.stderr
        everything = run(
            "search", query, "--all", "--no-collapse", "--library", indexed
        ).stdout.splitlines()
        assert len(everything) == PHOTOS
        closest = line[len("No good match (closest: ") : -1]
        assert closest in {each[3:].strip() for each in everything}  # behind their ranks


def test_programs_get_what_they_ask_for_unless_they_ask_for_confidence(indexed: Path) -> None:
    found = json.loads(run("search", "a submarine", "--json", "--library", indexed).stdout)
    assert len(found["hits"]) == PHOTOS
    assert all(hit["confidence"] < CUT_OFF for hit in found["hits"])
    assert (
        len(run("search", "a submarine", "--paths", "--library", indexed).stdout.split()) == PHOTOS
    )
    words = ("search", "a submarine", "--min-confidence", "0.9", "--library", indexed)
    assert json.loads(run(*words, "--json").stdout)["hits"] == []
    assert run(*words, "--paths").stdout == ""


def test_help_tells_the_default_and_wrong_figures_are_usage_errors(indexed: Path) -> None:
    assert f"default: {CUT_OFF:g} for people" in " ".join(run("search", "--help").stdout.split())
    for words in (["--min-confidence", "1.5"], ["--all", "--min-confidence", "0.5"]):
        assert run("search", "a cat", *words, "--library", indexed).exit_code == 2


def test_a_library_of_an_older_version_says_what_to_run(tmp_path: Path, indexed: Path) -> None:
    library = tmp_path / "older"
    library.mkdir()
    for path in indexed.iterdir():
        (library / path.name).write_bytes(path.read_bytes())
    with Library.open(library, writable=True) as opened, opened.writing() as connection:
        connection.execute(delete(background))
    done = run("search", "a cat", "--no-collapse", "--library", library)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == PHOTOS
    assert "sightseek index" in done.stderr
    refused = run("search", "a cat", "--min-confidence", "0.5", "--library", library)
    assert refused.exit_code == 1
    assert "sightseek index" in refused.stderr
