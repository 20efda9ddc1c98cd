from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from indexer import index_photos
from indexer.catalog import sidecars
from indexer.catalog.schema import caption, photo, text_embedding
from indexer.errors import CaptionsError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer import Library

    Paint = Callable[..., Path]
    Run = Callable[..., tuple[int, int]]


@pytest.fixture
def shown(photos: Path, paint: Paint) -> Path:
    for number, colour in enumerate(("red", "green", "blue")):
        paint(photos / f"{colour}.png", colour, shade=number)
    return photos


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "captions.csv"


@pytest.fixture
def run(library: Library, photos: Path, encoder: ColourEncoder) -> Run:
    """Index; return how many captions were added and removed."""

    def index(*files: Path) -> tuple[int, int]:
        report = index_photos([photos], library, encoder, captions=files)
        with library.reading() as connection:
            texts = set(connection.execute(select(caption.c.text_hash)).scalars())
            embedded = set(connection.execute(select(text_embedding.c.text_hash)).scalars())
        assert texts == embedded  # every text has its embedding, and no embedding is an orphan
        assert len(library.vectors("captions")) == len(texts)
        return report.captions_added, report.captions_removed

    return index


def captions_of(library: Library) -> dict[str, list[tuple[str, str | None]]]:
    found: dict[str, list[tuple[str, str | None]]] = {}
    with library.reading() as connection:
        query = select(photo.c.path, caption.c.text, caption.c.language).join(caption)
        for path, text, language in connection.execute(query.order_by(caption.c.id)):
            found.setdefault(path.rsplit("/")[-1], []).append((text, language))
    return found


def ids_of(library: Library) -> dict[str, int]:
    with library.reading() as connection:
        return dict(connection.execute(select(caption.c.text, caption.c.id)).all())


def test_rows_that_are_added_changed_and_removed(
    library: Library, shown: Path, table: Path, run: Run, encoder: ColourEncoder
) -> None:
    table.write_text("image,caption\nred.png,red\nblue.png,blue\nblue.png,a sky\n")
    assert run(table) == (3, 0)
    before = ids_of(library)
    assert run(table) == (0, 0)
    assert encoder.texts_encoded == 3
    table.write_text("image,caption\nred.png,red\nblue.png,very blue\ngreen.png,green\n")
    assert run(table) == (2, 2)
    assert encoder.texts_encoded == 5
    assert captions_of(library) == {
        "red.png": [("red", None)],
        "blue.png": [("very blue", None)],
        "green.png": [("green", None)],
    }
    assert ids_of(library)["red"] == before["red"]


def test_a_row_that_goes_to_another_photo_is_not_encoded_again(
    library: Library, shown: Path, table: Path, run: Run, encoder: ColourEncoder
) -> None:
    table.write_text("image,caption\nred.png,a square\n")
    run(table)
    table.write_text("image,caption\nblue.png,a square\n")
    assert run(table) == (1, 1)
    assert encoder.texts_encoded == 1
    assert captions_of(library) == {"blue.png": [("a square", None)]}


def test_a_language_may_change(library: Library, shown: Path, table: Path, run: Run) -> None:
    table.write_text("image,caption,language\nred.png,rot,\n")
    run(table)
    table.write_text("image,caption,language\nred.png,rot,de\n")
    run(table)
    assert captions_of(library) == {"red.png": [("rot", "de")]}
    assert run(table) == (0, 0)


def test_equal_captions_are_encoded_once(
    library: Library, shown: Path, table: Path, run: Run, encoder: ColourEncoder
) -> None:
    rows = [f"{name}.png,a square" for name in ("red", "green", "blue")]
    table.write_text("\n".join(["image,caption", *rows, *rows]))
    (shown / "red.txt").write_text("a square")
    assert run(table) == (4, 0)  # one row a photo, and the sidecar's
    assert encoder.texts_encoded == 1
    assert len(library.vectors("captions")) == 1


def test_a_captions_file_that_is_not_named_again_stays(
    library: Library, shown: Path, table: Path, run: Run
) -> None:
    table.write_text("image,caption\nred.png,red\n")
    run(table)
    table.unlink()
    assert run() == (0, 0)
    assert captions_of(library) == {"red.png": [("red", None)]}


def test_two_captions_files_do_not_touch_each_other(
    library: Library, shown: Path, tmp_path: Path, run: Run
) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("image,caption\nred.png,one\n")
    second.write_text("image,caption\nred.png,two\n")
    assert run(first, second) == (2, 0)
    first.write_text("image,caption\nblue.png,one\n")
    assert run(first) == (1, 1)
    assert captions_of(library) == {"red.png": [("two", None)], "blue.png": [("one", None)]}


def test_rows_that_match_no_photo_or_several_are_named(
    library: Library, shown: Path, paint: Paint, table: Path, encoder: ColourEncoder
) -> None:
    paint(shown / "a" / "same.png", "red", shade=50)
    paint(shown / "b" / "same.png", "red", shade=51)
    table.write_text("image,caption\nsame.png,x\nnone.png,y\nnone.png,z\nred.png,red\n")
    report = index_photos([shown], library, encoder, captions=[table])
    assert report.captions_unmatched == ("none.png",)
    assert report.captions_ambiguous == ("same.png",)
    assert report.captions_added == 1


def test_captions_may_come_without_indexing_anew(
    library: Library, shown: Path, table: Path, run: Run, encoder: ColourEncoder
) -> None:
    run()
    table.write_text("image,caption\nred.png,red\n")
    report = index_photos([], library, encoder, captions=[table])
    assert (report.captions_added, report.removed) == (1, 0)


def test_a_captions_file_that_cannot_be_read_stops_before_anything_is_written(
    library: Library, shown: Path, table: Path, encoder: ColourEncoder
) -> None:
    with pytest.raises(PathNotFoundError):
        index_photos([shown], library, encoder, captions=[table])
    table.write_text("first,second\n1,2\n")
    with pytest.raises(CaptionsError):
        index_photos([shown], library, encoder, captions=[table])
    table.write_text('{"image": "red.png", "caption": "red"}\n{broken\n')
    with pytest.raises(CaptionsError):
        index_photos([shown], library, encoder, captions=[table])
    assert library.space is None
    assert len(library.vectors("photos")) == 0


def test_a_captions_file_whose_name_is_not_utf8_is_refused(
    library: Library, shown: Path, tmp_path: Path, encoder: ColourEncoder
) -> None:
    table = tmp_path / "caf\udce9.csv"
    table.write_text("image,caption\nred.png,red\n")
    with pytest.raises(CaptionsError, match="not valid UTF-8: rename it") as caught:
        index_photos([shown], library, encoder, captions=[table])
    str(caught.value).encode()  # it can be printed


def test_a_half_surrogate_in_json_does_not_stop_the_run(
    library: Library, shown: Path, tmp_path: Path, run: Run
) -> None:
    table = tmp_path / "captions.jsonl"
    row = {"image": "red.png", "caption": "red \ud83d square"}
    table.write_text(json.dumps(row))
    run(table)
    assert captions_of(library) == {"red.png": [("red square", None)]}


def test_sidecars_that_are_added_changed_and_removed(
    library: Library, shown: Path, run: Run, touch: Callable[[Path], None], encoder: ColourEncoder
) -> None:
    run()
    sidecar = shown / "red.png.txt"
    sidecar.write_text("a red square\n\n  a square \n")
    assert run() == (2, 0)
    assert run() == (0, 0)
    sidecar.write_text("a red square\na dot\n")
    assert run() == (1, 1)
    touch(sidecar)
    assert run() == (0, 0)
    assert encoder.texts_encoded == 3
    sidecar.unlink()
    assert run() == (0, 2)
    assert captions_of(library) == {}


def test_one_sidecar_may_serve_two_photos(
    library: Library, shown: Path, paint: Paint, run: Run
) -> None:
    paint(shown / "red.jpg", "red")
    (shown / "red.txt").write_text("red")
    assert run() == (2, 0)
    (shown / "red.jpg").unlink()
    run()
    assert captions_of(library) == {"red.png": [("red", None)]}
    (shown / "red.txt").write_text("crimson")
    assert run() == (1, 1)


def test_a_sidecar_that_is_some_other_text_is_told_of_each_time(
    library: Library, shown: Path, encoder: ColourEncoder
) -> None:
    sidecar = shown / "red.txt"
    sidecar.write_text("red\n")
    index_photos([shown], library, encoder)
    for text in ("a line\n" * 200, "x" * 70_000, "one\ntwo\0three".encode("utf-16-be").hex(" ")):
        sidecar.write_text(text)
        if len(text) < 1000:
            sidecar.write_bytes(b"\xff\xfa not UTF-8")
        for _ in range(2):
            report = index_photos([shown], library, encoder)
            assert [skip.path for skip in report.skipped] == [sidecar]
            assert not report.skipped[0].reason.startswith(str(sidecar))
            assert captions_of(library) == {}
    sidecar.write_text("red again")
    report = index_photos([shown], library, encoder)
    assert (report.skipped, report.captions_added) == ((), 1)


def test_a_sidecar_goes_with_its_photo(library: Library, shown: Path, run: Run) -> None:
    (shown / "red.txt").write_text("red")
    run()
    (shown / "red.png").unlink()
    (shown / "red.txt").unlink()
    run()
    assert captions_of(library) == {}
    with library.reading() as connection:
        assert sidecars.of_captions(connection) == {}


def test_captions_follow_a_moved_photo(
    library: Library, shown: Path, table: Path, run: Run, encoder: ColourEncoder
) -> None:
    table.write_text("image,caption\nred.png,red\n")
    (shown / "red.txt").write_text("a square")
    run(table)
    before = ids_of(library)["red"]
    (shown / "new").mkdir()
    (shown / "red.png").rename(shown / "new" / "crimson.png")
    (shown / "red.txt").rename(shown / "new" / "crimson.txt")
    run()
    assert sorted(captions_of(library)["crimson.png"]) == [("a square", None), ("red", None)]
    assert ids_of(library)["red"] == before
    assert encoder.texts_encoded == 2


def test_a_sidecar_that_stays_behind_no_longer_counts(
    library: Library, shown: Path, run: Run
) -> None:
    (shown / "red.txt").write_text("red")
    run()
    (shown / "red.png").rename(shown / "crimson.png")
    assert run() == (0, 1)


def test_thousands_of_captions_for_one_photo_and_very_long_ones(
    library: Library, shown: Path, table: Path, run: Run, encoder: ColourEncoder
) -> None:
    rows = [f"red.png,caption number {number}" for number in range(3000)]
    table.write_text("\n".join(["image,caption", *rows, "blue.png," + "blue " * 20_000]))
    assert run(table) == (3001, 0)
    assert run(table) == (0, 0)
    assert encoder.texts_encoded == 3001
    table.write_text("image,caption\nred.png,caption number 7\n")
    assert run(table) == (0, 3000)


def test_captions_with_any_characters_come_back_as_they_were(
    library: Library, shown: Path, tmp_path: Path, run: Run
) -> None:
    texts = ['it\'s "quoted"', "100% _like_", "ein Hund 🐕 am Strand", "'; DROP TABLE photo; --"]
    table = tmp_path / "captions.jsonl"
    rows = [{"image": "red.png", "caption": text} for text in texts]
    table.write_text("\n".join(map(json.dumps, rows)))
    run(table)
    assert [text for text, _ in captions_of(library)["red.png"]] == texts


def test_an_interrupted_run_encodes_its_captions_next_time(
    library: Library, shown: Path, table: Path, run: Run, encoder: ColourEncoder
) -> None:
    table.write_text("image,caption\nred.png,red\nblue.png,blue\n")

    def stop(progress: object) -> None:
        if getattr(progress, "stage", "") == "captions":
            raise KeyboardInterrupt

    report = index_photos([shown], library, encoder, captions=[table], on_progress=stop)
    assert report.interrupted
    assert encoder.texts_encoded == 0
    run()
    assert encoder.texts_encoded == 2
    assert len(captions_of(library)) == 2
