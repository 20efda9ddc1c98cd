"""Feedback and diversity through the engine: what they rank, what they score, what they hide."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.catalog import embeddings
from indexer.catalog import photos as photo_rows
from indexer.errors import QueryError, UsageError
from indexer.pipeline import index_photos
from search import cli
from search.diversity import diversify
from search.engine import _PLACES as K
from search.engine import SearchEngine
from search.feedback import ALPHA, BETA, GAMMA
from search.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library
    from search.results import Hit

SHADES = ("red", "orange", "yellow", "green", "blue", "purple", "white")
CAPTIONS = "".join(f"{name}.png,a {name} thing\n{name}.png,{name} {name}\n" for name in SHADES)


class Shades:
    """A library of a photo of each colour, with captions and an exact copy of the red one."""

    def __init__(self, library: Library, encoder: ColourEncoder, folder: Path) -> None:
        self.library, self.encoder, self.folder = library, encoder, folder
        with library.reading() as connection:
            paths = photo_rows.paths(connection)
            found = photo_rows.by_id(connection, list(paths))
            keys = [photo.content_hash for photo in found.values()]
            stored = embeddings.by_hash(
                connection, embeddings.PHOTOS, 1, keys, dim=encoder.dim
            )  # fmt: skip
        self.ids = {photo.path.stem: photo.id for photo in found.values()}
        self.vectors = {
            photo.path.stem: stored[photo.content_hash].astype(np.float64)
            for photo in found.values()
        }

    def search(
        self,
        *words: str,
        like: tuple[str, ...] = (),
        unlike: tuple[str, ...] = (),
        channels: tuple[str, ...] = ("image",),
        **options: object,
    ) -> tuple[Hit, ...]:
        query = Query.parse(
            words,
            like=[self.ids[name] for name in like],
            unlike=[self.ids[name] for name in unlike],
            channels=channels,
            **options,
        )
        return SearchEngine(self.library, self.encoder).search(query).hits

    def names(self, *words: str, **options: object) -> list[str]:
        return [hit.photo.path.stem for hit in self.search(*words, **options)]


@pytest.fixture
def shades(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> Shades:
    for name in SHADES:
        paint(photos / f"{name}.png", name)
    (photos / "copy.png").write_bytes((photos / "red.png").read_bytes())
    table = photos / "captions.csv"
    table.write_text(f"image,caption\n{CAPTIONS}")
    index_photos([photos], library, encoder, captions=[table])
    return Shades(library, encoder, photos)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("word", ["red", "blue"])
@pytest.mark.parametrize("weight", [1, 0.5, -0.4])
def test_scores_of_combined_queries_are_cosines(shades: Shades, word: str, weight: float) -> None:
    green = shades.vectors["green"]
    text = shades.encoder.encode_texts([word])[0].astype(np.float64)
    sign, size = ("+", weight) if weight > 0 else ("-", -weight)
    words = [word, sign, f"{size}:{shades.folder / 'green.png'}"]
    for liked, unliked in permutations(("yellow", "purple", "white"), 2):
        whole = unit(text + weight * green)
        whole = unit(ALPHA * whole + BETA * shades.vectors[liked] - GAMMA * shades.vectors[unliked])
        hits = shades.search(*words, like=(liked,), unlike=(unliked,))
        assert {hit.photo.path.stem for hit in hits} == set(shades.ids) - {
            "green", liked, unliked
        }  # fmt: skip
        for hit in hits:
            expected = whole @ shades.vectors[hit.photo.path.stem]
            assert hit.score == pytest.approx(expected, abs=1e-5)


def test_photos_like_some_need_no_term(shades: Shades) -> None:
    hits = shades.search(like=("red", "green"))
    mean = unit(shades.vectors["red"] + shades.vectors["green"])
    assert hits[0].photo.path.stem == "yellow"
    for hit in hits:
        assert hit.score == pytest.approx(mean @ shades.vectors[hit.photo.path.stem], abs=1e-5)


def test_a_like_moves_a_query_and_an_unlike_moves_it_away(shades: Shades) -> None:
    assert shades.names("red", top_k=3) == ["copy", "red", "orange"]
    assert shades.names("red", like=("blue",))[0] == "purple"
    scores = {hit.photo.path.stem: hit.score for hit in shades.search("orange")}
    refined = {hit.photo.path.stem: hit.score for hit in shades.search("orange", unlike=("green",))}
    assert refined["yellow"] < scores["yellow"]


def test_liked_photos_are_left_out_unless_asked_for_and_their_copies_stay(shades: Shades) -> None:
    names = shades.names("red", like=("red",), top_k=7)
    assert "red" not in names
    assert len(names) == 7
    assert names[0] == "copy"
    assert "red" in shades.names("red", like=("red",), exclude_self=False)


def test_unliked_photos_and_their_copies_are_never_shown(shades: Shades) -> None:
    for exclude_self in (True, False):
        names = shades.names("red", unlike=("red",), exclude_self=exclude_self, top_k=6)
        assert sorted(names) == sorted(set(SHADES) - {"red"})
    every = ("image", "caption", "words")
    assert not {"red", "copy"} & set(shades.names("red", unlike=("copy",), channels=every))


def test_captions_of_unliked_photos_are_not_shown(shades: Shades) -> None:
    hits = shades.search("red", unlike=("red",), target="captions", channels=("caption",), top_k=12)
    assert len(hits) == 12
    assert {hit.photo.path.stem for hit in hits} == set(SHADES) - {"red"}
    hits = shades.search(like=("red",), target="captions", channels=("caption",), top_k=2)
    assert {hit.photo.path.stem for hit in hits} == {"red"}


def test_an_id_that_is_not_there_is_named_with_a_remedy(shades: Shades) -> None:
    engine = SearchEngine(shades.library, shades.encoder)
    for marks in ({"like": [999]}, {"unlike": [999]}):
        with pytest.raises(QueryError, match=r"no photo with the id 999\. Take ids from"):
            engine.search(Query.parse("red", **marks))


def test_a_photo_that_the_model_has_not_seen_is_no_example(shades: Shades) -> None:
    red = shades.ids["red"]
    with shades.library.writing() as connection:
        connection.exec_driver_sql(
            "DELETE FROM image_embedding WHERE content_hash = "
            f"(SELECT content_hash FROM photo WHERE id = {red})"
        )
    with pytest.raises(QueryError, match=f"not seen photo {red} yet"):
        shades.search("blue", like=("red",))


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({}, "nothing to search for"),
        ({"unlike": [3]}, "nothing to search for"),
        ({"like": [3, 4], "unlike": [4]}, "Photo 4 is both"),
        ({"like": [3], "diverse": 1.5}, "Give 0 to 1"),
        ({"like": [3], "diverse": float("nan")}, "Give 0 to 1"),
    ],
)
def test_what_can_mean_nothing_is_wrong_usage(options: dict[str, object], fact: str) -> None:
    with pytest.raises(UsageError, match=fact):
        Query.parse([], **options)


def test_a_query_names_its_marks_once() -> None:
    query = Query.parse("a dog", like=[17, 23, 17], unlike=[5])
    assert query.like == (17, 23)
    assert str(query) == "a dog, like 17 23, unlike 5"
    assert str(Query.parse([], like=[17])) == "like 17"


@pytest.mark.parametrize("balance", [0.0, 0.2, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("target", ["photos", "captions"])
def test_diversity_changes_the_order_and_no_score(
    shades: Shades, balance: float, target: str
) -> None:
    every = ("image", "caption", "words")
    plain = shades.search("red", target=target, channels=every)
    mixed = shades.search("red", target=target, channels=every, diverse=balance)
    assert [hit.rank for hit in mixed] == list(range(1, len(plain) + 1))

    def scores(hits: tuple[Hit, ...]) -> dict[tuple[int, str | None], float]:
        return {(hit.photo.id, hit.caption and hit.caption.text): hit.score for hit in hits}

    assert scores(mixed) == scores(plain)
    if target == "photos":
        vectors = np.stack([shades.vectors[hit.photo.path.stem] for hit in plain])
        relevance = [1 / (K + hit.rank) for hit in plain]
        order = diversify(relevance, vectors, balance=balance, top_k=20)
        assert [hit.photo.id for hit in mixed] == [plain[at].photo.id for at in order]


def test_diverse_results_show_a_copy_late_and_reach_beyond_top_k(shades: Shades) -> None:
    assert shades.names("red", top_k=2) == ["copy", "red"]
    names = shades.names("red", top_k=3, diverse=0.3)
    assert names[0] == "copy"
    assert "red" not in names


def test_the_command_line_refines(
    shades: Shades, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "load", lambda _name, **_options: encoder)

    def run(*words: str) -> dict[str, object]:
        line = ["search", *words, "--json", "--library", str(shades.library.path)]
        done = CliRunner().invoke(cli.main, line)
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    red, green = str(shades.ids["red"]), str(shades.ids["green"])
    found = run("--like", red, "--like", green, "--diverse", "-k", "3")
    assert found["query"] == f"like {red} {green}"
    assert found["like"] == [int(red), int(green)]
    assert found["diverse"] == 0.5
    assert len(found["hits"]) == 3
    found = run("blue", "--unlike", red, "--diverse=0.9")
    assert found["unlike"] == [int(red)]
    assert "like" not in found
    for words, remedy in (
        (["--diverse", "dog"], "Put --diverse last"),
        (["--like", "dog"], "not a valid integer"),
        (["--unlike", red], "nothing to search for"),
    ):
        done = CliRunner().invoke(cli.main, ["search", *words])
        assert done.exit_code == 2
        assert remedy in done.stderr


def test_a_text_beside_a_photo_is_ranked_by_looks_alone(shades: Shades) -> None:
    query = ("yellow", "+", str(shades.folder / "blue.png"))
    every = shades.search(*query, channels=("image", "caption", "words"))
    assert [hit.photo.id for hit in every] == [hit.photo.id for hit in shades.search(*query)]
    assert [hit.score for hit in every] == sorted((hit.score for hit in every), reverse=True)
    with pytest.raises(UsageError, match="no photo beside them"):
        shades.search(*query, channels=("words",))


def test_marks_move_captions_as_they_move_looks(shades: Shades) -> None:
    plain = shades.names("yellow", channels=("caption",), top_k=3)
    assert plain[0] == "yellow"
    liked = shades.names("yellow", like=("blue",), channels=("caption",), exclude_self=False)
    # yellow and blue are white, near enough: (1, 1, 0) and (0, 0, 1)
    assert liked[0] == "white"
    assert "yellow" not in shades.names("yellow", unlike=("yellow",), channels=("caption",))


def test_people_are_shown_what_is_nearest_to_photos_however_sure(
    shades: Shades, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "load", lambda _name, **_options: encoder)

    def lines(*words: str) -> list[str]:
        line = ["search", *words, "--library", str(shades.library.path)]
        done = CliRunner().invoke(cli.main, line)
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    liked = ("--like", str(shades.ids["red"]))
    for query in ((str(shades.folder / "green.png"),), liked, ("white", *liked)):
        assert lines(*query) == lines(*query, "--all")
    assert lines("white") != lines("white", "--all")
