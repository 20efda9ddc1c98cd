from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import update

from indexer.catalog import embeddings
from indexer.catalog import photos as photo_rows
from indexer.catalog.schema import image_embedding
from indexer.errors import LibraryError
from indexer.pipeline import index_photos
from indexer.vectors import FaissIndex
from search.evaluation import rendering
from search.evaluation.details import write_details
from search.evaluation.pairs import read_pairs
from search.evaluation.report import measured, report
from search.evaluation.runs import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder, TurnedEncoder

    from indexer.library import Library
    from search.evaluation.pairs import Pair

NAMED = [f"{colour}.png,a {colour} thing" for colour in ("red", "green", "blue", "yellow")]
ROWS = [*(f"{row},ours,en" for row in NAMED), "white.png,green,theirs,en", "red.png,red,ours,xx"]


@pytest.fixture
def path(photos: Path, write: Callable[..., Path]) -> Path:
    return write(photos, *ROWS, columns="image,caption,source,lang")


@pytest.fixture
def pairs(coloured: Library, path: Path) -> list[Pair]:
    return read_pairs(path, coloured)


@pytest.fixture
def blind(turned: TurnedEncoder) -> TurnedEncoder:
    """A model that sees as well as another, and reads "red" whatever it is given."""
    read = turned.encode_texts
    turned.encode_texts = lambda texts: read(["red"] * len(texts))
    return turned


def table(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines if line]


def test_a_group_is_evaluated_as_a_file_of_its_own(
    coloured: Library,
    encoder: ColourEncoder,
    pairs: list[Pair],
    photos: Path,
    write: Callable[..., Path],
) -> None:
    evaluation = report(coloured, encoder, pairs).evaluation
    found = {(each.trait, each.name): each for each in evaluation.groups}
    assert list(found) == [
        ("source", "ours"),
        ("source", "theirs"),
        ("language", "en"),
        ("language", "xx"),
    ]
    for trait, column in (("source", 2), ("language", 3)):
        for name in {row.split(",")[column] for row in ROWS}:
            rows = [row for row in ROWS if row.split(",")[column] == name]
            alone = read_pairs(write(photos, *rows, columns="image,caption,x,y"), coloured)
            expected = evaluate(coloured, encoder, alone)
            assert found[trait, name].text_to_image == expected.text_to_image
            assert found[trait, name].image_to_text == expected.image_to_text


def test_two_spaces_are_compared_over_the_same_photos(
    coloured: Library,
    encoder: ColourEncoder,
    blind: TurnedEncoder,
    pairs: list[Pair],
    photos: Path,
    paint: Callable[..., Path],
) -> None:
    before = report(coloured, encoder, pairs).evaluation
    index_photos([photos], coloured, blind, switch=True)
    index_photos([photos], coloured, encoder, switch=True)
    paint(photos / "red too.png", "red", shade=9)  # which one space lacks
    index_photos([photos], coloured, encoder)
    found = report(coloured, encoder, pairs, other=blind)
    assert found.left_out == 1
    assert found.evaluation == before
    assert found.other is not None
    assert found.comparison is not None
    for own, other, gained in zip(
        found.evaluation.text_to_image.figures,
        found.other.text_to_image.figures,
        found.comparison.text_to_image,
        strict=True,
    ):
        assert own.name == other.name == gained.name
        assert gained.value == pytest.approx(other.value - own.value)
        assert gained.interval is not None
        assert gained.excludes_0 == (not gained.interval[0] <= 0 <= gained.interval[1])
    first = found.comparison.text_to_image[0]
    assert (first.name, first.excludes_0, first.is_better) == ("recall@1", True, False)
    lines = list(rendering.comparison_lines(found.comparison, found.evaluation, found.other))
    assert next(row for row in table(lines) if row[:2] == ["excludes", "0"])[2] == "yes"
    assert lines[-2].startswith(f"{blind.space.model} is worse by ")
    compared = rendering.comparison_json(found.comparison, found.other)
    assert json.loads(json.dumps(compared))["difference"]["text_to_image"]["recall@1"] == {
        "value": first.value,
        "interval": list(first.interval),
        "excludes_0": True,
    }


def test_a_space_does_not_differ_from_one_that_finds_the_same(
    coloured: Library,
    encoder: ColourEncoder,
    turned: TurnedEncoder,
    pairs: list[Pair],
    photos: Path,
) -> None:
    index_photos([photos], coloured, turned, switch=True)
    found = report(coloured, turned, pairs, other=encoder)
    assert found.comparison is not None
    assert found.other is not None
    for each in (*found.comparison.text_to_image, *found.comparison.image_to_text):
        assert (each.value, each.interval, each.excludes_0) == (0, (0, 0), False)
    lines = list(rendering.comparison_lines(found.comparison, found.evaluation, found.other))
    assert "No difference excludes 0" in lines[-2]


def test_a_space_that_lacks_a_photo_asked_for_is_refused(
    coloured: Library,
    encoder: ColourEncoder,
    turned: TurnedEncoder,
    photos: Path,
    paint: Callable[..., Path],
    write: Callable[..., Path],
) -> None:
    index_photos([photos], coloured, turned, switch=True)
    paint(photos / "purple.png", "purple")
    index_photos([photos], coloured, turned)
    pairs = read_pairs(write(photos, "purple.png,purple", "red.png,red"), coloured)
    with pytest.raises(LibraryError, match=r"lacks 1 of the 2 photos .* index --model colours"):
        report(coloured, turned, pairs, other=encoder)


def test_a_sound_flat_index_agrees_with_brute_force(
    coloured: Library, encoder: ColourEncoder, pairs: list[Pair], path: Path, photos: Path
) -> None:
    (only,) = report(coloured, encoder, pairs, exact=True).agreements
    assert (only.target, only.queries, only.indexed, only.vectors) == ("photos", 6, 5, 5)
    index_photos([photos], coloured, encoder, captions=[path])
    found = report(coloured, encoder, pairs, exact=True)
    assert [each.target for each in found.agreements] == ["photos", "captions"]
    figures = {(each.target, f.name): f.value for each in found.agreements for f in each.figures}
    assert all(value == 1 for (_, name), value in figures.items() if "overlap" in name)
    for figure in found.evaluation.text_to_image.figures[:3]:
        assert figures["photos", figure.name] == figure.value
    known = set(measured((1, 5, 10), exact=True))
    assert {(place, name) for place, name, _ in found.figures} == known
    lines = list(rendering.agreement_lines(found.agreements))
    assert lines[1].split() == ["photos", "overlap", *["1.0000"] * 3, "6", "5", "5"]


def test_a_snapshot_that_holds_other_vectors_is_found_out(
    coloured: Library, encoder: ColourEncoder, pairs: list[Pair]
) -> None:
    coloured.save_snapshots()
    with coloured.reading() as connection:
        token = embeddings.snapshot_token(connection, "photos")
        ((ids, vectors),) = embeddings.after(connection, embeddings.PHOTOS, 1, 0, dim=encoder.dim)
    assert token is not None
    wrong = FaissIndex.empty(encoder.dim)
    wrong.add(ids, np.roll(vectors, 1, axis=0))  # as many as there are, and each another's
    wrong.save(coloured.path / "photos.faiss", token=token)
    with type(coloured).open(coloured.path) as again:
        (found,) = report(again, encoder, pairs, cutoffs=(1, 5), exact=True).agreements
    figures = {figure.name: figure.value for figure in found.figures}
    assert figures["overlap@1"] < 0.5
    assert figures["overlap@5"] == 1  # of five
    assert figures["recall@1"] < 0.5


def test_details_tell_every_query_with_its_answer_and_what_stood_first(
    coloured: Library, encoder: ColourEncoder, pairs: list[Pair], photos: Path, tmp_path: Path
) -> None:
    found = report(coloured, encoder, pairs, detailed=True)
    write_details(tmp_path / "details.jsonl", found.details)
    rows = [json.loads(line) for line in (tmp_path / "details.jsonl").read_text().splitlines()]
    assert [row["direction"] for row in rows] == ["text_to_image"] * 6 + ["image_to_text"] * 5
    by_query = {row["query"]: row for row in rows}
    green, white = by_query["green"], by_query[str(photos / "white.png")]
    assert green["answer"] == str(photos / "white.png")
    assert green["top"] == str(photos / "green.png")
    assert green["rank"] > 1
    assert green["top_score"] > green["score"]
    assert white["answer"] == "green"
    assert by_query["a red thing"]["rank"] == 1
    assert by_query["a red thing"]["top"] == str(photos / "red.png")
    worst = found.worst(1)
    assert worst[0].query == "green"
    assert next(rendering.worst_lines(worst)) == f"text to image, rank {green['rank']}: green"
    assert all(each.rank > 1 for each in found.worst(100))


def test_a_damaged_vector_has_no_score_in_details(
    coloured: Library, encoder: ColourEncoder, pairs: list[Pair], photos: Path, tmp_path: Path
) -> None:
    with coloured.writing() as connection:
        white = photo_rows.by_path(connection, photos / "white.png")
        assert white is not None
        key = image_embedding.c.content_hash == white[0].content_hash
        damaged = np.full(encoder.dim, np.nan, np.float16).tobytes()
        connection.execute(update(image_embedding).where(key).values(vector=damaged))
    found = report(coloured, encoder, pairs, exact=True, detailed=True)
    write_details(tmp_path / "details.jsonl", found.details)
    rows = [json.loads(line) for line in (tmp_path / "details.jsonl").read_text().splitlines()]
    (green,) = [row for row in rows if row["query"] == "green"]
    assert (green["rank"], green["score"]) == (5, None)
    assert "  answer  -  " in "\n".join(rendering.worst_lines(found.worst(2)))
    assert found.agreements[0].figures[0].value == 1


def test_json_keeps_to_the_contract(
    coloured: Library, encoder: ColourEncoder, pairs: list[Pair]
) -> None:
    evaluation = report(coloured, encoder, pairs).evaluation
    found = json.loads(json.dumps(rendering.evaluation_json(evaluation)))
    assert list(found) == ["text_to_image", "image_to_text"]
    for measures in found.values():
        names = ["recall@1", "recall@5", "recall@10", "mrr", "ndcg@10", "median_rank"]
        assert list(measures)[:6] == names
        assert list(measures["intervals"]) == names
        for name in names:
            low, high = measures["intervals"][name]
            assert low <= measures[name] <= high
        assert list(measures["by_source"]) == ["ours", "theirs"]
        assert list(measures["by_language"]) == ["en", "xx"]
        assert measures["by_source"]["theirs"]["intervals"]["mrr"] is None  # of a single photo


def test_tables_are_aligned_and_leave_out_groups_of_everything(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    rows = [*(f"{row},en" for row in NAMED), "red.png,rot,de"]  # English has all photos
    pairs = read_pairs(write(photos, *rows, columns="image,caption,lang"), coloured)
    lines = list(rendering.evaluation_lines(report(coloured, encoder, pairs).evaluation))
    head = "text to image  recall@1  recall@5  recall@10    mrr  ndcg@10  median  queries"
    assert lines[0] == head
    assert [line.split("  ")[0] for line in lines if line[:1].strip()] == [
        "text to image", "all", "language en", "language de",
        "image to text", "all", "language en", "language de",
    ]  # fmt: skip
    assert {len(line) for line in lines[:2]} == {len(head)}
    rows = [f"{row},en" for row in NAMED]
    single = read_pairs(write(photos, *rows, columns="image,caption,lang"), coloured)
    lines = list(rendering.evaluation_lines(report(coloured, encoder, single).evaluation))
    assert not [line for line in lines if line.startswith("language")]
