"""A page of results shows each picture once, with a count of what is like it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from indexer import index_photos
from search.cli import main
from search.engine import SearchEngine
from search.query import Query

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer import Library
    from search.results import Hit, Results


def picture(seed: int, tint: tuple[float, float, float]) -> Image.Image:
    """Make a picture of patches in one tint, which is all that the encoder sees of it."""
    patches = np.random.default_rng(seed).uniform(0.4, 1, (8, 12, 1)) * 255
    small = Image.fromarray((patches * np.array(tint)).astype(np.uint8))
    return small.resize((240, 160), Image.Resampling.BICUBIC)


@pytest.fixture
def engine(library: Library, photos: Path, encoder: ColourEncoder) -> SearchEngine:
    """Three red pictures, each reddest first, the first with a copy, a smaller one and a crop."""
    first = picture(1, (1, 0, 0))
    first.save(photos / "first.png")
    first.resize((120, 80)).save(photos / "small.png")
    first.crop((12, 8, 228, 152)).save(photos / "crop.png")
    (photos / "again.png").write_bytes((photos / "first.png").read_bytes())
    picture(2, (1, 0.2, 0)).save(photos / "second.png")
    picture(3, (1, 0.4, 0)).save(photos / "third.png")
    picture(4, (0, 0.2, 1)).save(photos / "blue.png")
    index_photos(photos, library, encoder)
    return SearchEngine(library, encoder)


def stems(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.photo.path.stem for hit in hits]


def search(engine: SearchEngine, *, top_k: int = 3, collapse: bool = True) -> Results:
    return engine.search(Query.parse("red", top_k=top_k, collapse=collapse))


def test_k_groups_are_shown_where_k_hits_would_show_fewer(engine: SearchEngine) -> None:
    flat = stems(search(engine, top_k=4, collapse=False).hits)
    assert set(flat) == {"first", "small", "crop", "again"}
    best, *others = search(engine).hits
    assert [hit.rank for hit in (best, *others)] == [1, 2, 3]
    assert best.photo.path.stem == flat[0]
    assert best.like is not None
    assert {each.hit.photo.path.stem for each in best.like} == set(flat[1:])
    assert stems(tuple(others)) == ["second", "third"]
    assert [hit.like for hit in others] == [(), ()]


def test_groups_say_why(engine: SearchEngine) -> None:
    best = search(engine).hits[0]
    kinds = {each.hit.photo.path.stem: each.evidence.kind for each in best.like or ()}
    kinds[best.photo.path.stem] = "best"
    assert {kinds["first"], kinds["again"]} in ({"best", "exact"}, {"copy"}, {"crop"})
    assert "crop" in kinds.values()


def test_as_many_are_found_with_and_without(engine: SearchEngine) -> None:
    flat = search(engine, top_k=20, collapse=False).hits
    grouped = search(engine, top_k=20).hits
    below = [each.hit for hit in grouped for each in hit.like or ()]
    assert sorted(stems((*grouped, *below))) == sorted(stems(flat))
    assert all(hit.like is None for hit in flat)
    assert [hit.score for hit in grouped] == sorted((hit.score for hit in grouped), reverse=True)


def test_captions_are_never_collapsed(engine: SearchEngine, library: Library) -> None:
    query = Query.parse("red", target="captions", collapse=True)
    assert engine.search(query).hits == ()


def test_people_see_groups_and_programs_see_hits(
    engine: SearchEngine, library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.cli._results", lambda query, *_, **__: engine.search(query))
    words = ["search", "red", "--all", "--library", str(library.path), "-k", "2"]
    run = CliRunner().invoke
    assert "(+3 like it)" in run(main, words).stdout
    assert "like it" not in run(main, [*words, "--no-collapse"]).stdout
    plain = json.loads(run(main, [*words, "--json"]).stdout)["hits"]
    assert [hit["group"] for hit in plain] == [None, None]
    hits = json.loads(run(main, [*words, "--json", "--collapse"]).stdout)["hits"]
    assert [hit["group"]["count"] for hit in hits] == [3, 0]
    assert {other["evidence"]["kind"] for other in hits[0]["group"]["others"]} >= {"crop"}
    assert len(run(main, [*words, "--paths", "--collapse"]).stdout.splitlines()) == 2
