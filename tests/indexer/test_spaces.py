"""A library of several spaces: the switch from one model to another, before, amid and after."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import Engine, event

from indexer import Library, index_photos
from indexer.errors import LibraryError, SpaceMismatchError
from indexer.records import Space
from indexer.status import read_status
from search import Query, SearchEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ColourEncoder, TurnedEncoder

    from indexer.records import IndexReport, Pixels, Vectors

    Paint = Callable[..., Path]

COLOURS = ("red", "green", "blue", "white", "yellow", "purple", "orange")
MANY = 1000


@pytest.fixture
def filled(library: Library, photos: Path, paint: Paint, encoder: ColourEncoder) -> Library:
    """Seven photos in two folders, indexed apart, two of them with captions."""
    for number, colour in enumerate(COLOURS):
        folder = photos / ("here" if number < 4 else "there")
        paint(folder / f"{colour}.png", colour)
    (photos / "here" / "red.txt").write_text("a red square")
    (photos / "there" / "purple.txt").write_text("a purple square")
    index_photos([photos / "here"], library, encoder)
    index_photos([photos / "there"], library, encoder)
    return library


def interrupt_after(encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch, images: int) -> None:
    encode = encoder.encode_images

    def encode_some(pixels: list[Pixels]) -> Vectors:
        vectors = encode(pixels)
        if encoder.images_encoded >= images:
            raise KeyboardInterrupt
        return vectors

    monkeypatch.setattr(encoder, "image_batch", 2)
    monkeypatch.setattr(encoder, "encode_images", encode_some)


def half_switch(
    library: Library, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> IndexReport:
    """Begin a switch that ends when four photos went through the model, and two are committed."""
    with monkeypatch.context() as patch:
        interrupt_after(encoder, patch, encoder.images_encoded + 4)
        report = index_photos((), library, encoder, switch=True)
    assert report.interrupted
    assert report.switch is None
    return report


def _by_looks(colour: str, target: str = "photos") -> Query:
    """Ask for what vectors alone find: words and other channels know no space."""
    channels = ("image",) if target == "photos" else ("caption",)
    return Query.parse(colour, target=target, channels=channels)


def best(library: Library, encoder: ColourEncoder, target: str = "photos") -> dict[str, list[str]]:
    """The photos that each colour finds, best first."""
    engine = SearchEngine(library, encoder)
    return {
        colour: [hit.photo.path.stem for hit in engine.search(_by_looks(colour, target)).hits]
        for colour in COLOURS
    }


def scores(library: Library, encoder: ColourEncoder) -> dict[tuple[str, str], float]:
    engine = SearchEngine(library, encoder)
    return {
        (colour, hit.photo.path.stem): round(hit.score, 4)
        for colour in COLOURS
        for hit in engine.search(Query.parse(colour)).hits
    }


def states(library: Library) -> dict[str, tuple[str, int, int]]:
    return {
        each.space.model: (each.state, each.photos, each.captions)
        for each in read_status(library).spaces
    }


def test_a_switch_embeds_all_that_the_library_holds(
    filled: Library, photos: Path, paint: Paint, turned: TurnedEncoder, encoder: ColourEncoder
) -> None:
    before = best(filled, encoder)
    old = (filled.path / "photos.faiss").read_bytes()
    paint(photos / "here" / "new.png", "red", shade=5)
    report = index_photos([photos / "here"], filled, turned, switch=True)
    assert (report.added, report.unchanged, report.encoded, turned.texts_encoded) == (1, 7, 8, 2)
    assert report.switch is not None
    assert report.switch.done
    assert (report.switch.previous, report.switch.chosen) == (encoder.space, turned.space)
    assert filled.space == turned.space
    assert states(filled) == {"colours": ("ready", 7, 2), "turned": ("current", 8, 2)}
    found = best(filled, turned)
    assert {found[colour][0] for colour in COLOURS[1:]} == set(COLOURS[1:])
    assert set(found["red"][:2]) == {"red", "new"}
    assert best(filled, turned, "captions")["red"] == ["red", "purple"]
    assert best(filled, encoder) == before  # which knows nothing of the new photo
    assert (filled.path / "photos.faiss").read_bytes() != old
    assert index_photos([photos], filled, turned).encoded == 0


def test_a_switch_takes_no_path_and_reads_nothing_twice(
    filled: Library, turned: TurnedEncoder, encoder: ColourEncoder
) -> None:
    assert index_photos((), filled, turned, switch=True).encoded == 7
    again = index_photos((), filled, turned, switch=True)
    assert (again.encoded, again.unchanged, again.switch) == (0, 0, None)
    back = index_photos((), filled, encoder, switch=True)
    assert back.switch is not None
    assert (back.encoded, back.switch.done, filled.space) == (0, True, encoder.space)


def test_going_back_embeds_what_was_added_meanwhile(
    filled: Library, photos: Path, paint: Paint, turned: TurnedEncoder, encoder: ColourEncoder
) -> None:
    index_photos((), filled, turned, switch=True)
    paint(photos / "here" / "new.png", "orange", shade=3)
    (photos / "here" / "blue.png").unlink()
    index_photos([photos], filled, turned)
    assert states(filled)["colours"] == ("ready", 6, 2)
    assert index_photos((), filled, encoder, switch=True).encoded == 1
    assert states(filled) == {"colours": ("current", 7, 2), "turned": ("ready", 7, 2)}


def test_the_old_space_answers_until_the_last_photo_is_embedded(
    filled: Library, turned: TurnedEncoder, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = scores(filled, encoder)
    asked = 0
    encode_images, encode_texts = turned.encode_images, turned.encode_texts

    def look() -> None:
        nonlocal asked
        asked += 1
        with Library.open(filled.path) as reader:
            assert reader.space == encoder.space
            assert scores(reader, encoder) == expected
            with pytest.raises(SpaceMismatchError, match=r"still being filled .* of 7 photos"):
                SearchEngine(reader, turned).search(Query.parse("red"))

    def images(pixels: list[Pixels]) -> Vectors:
        look()
        return encode_images(pixels)

    def texts(words: list[str]) -> Vectors:
        look()
        return encode_texts(words)

    monkeypatch.setattr(turned, "image_batch", 2)
    monkeypatch.setattr(turned, "encode_images", images)
    monkeypatch.setattr(turned, "encode_texts", texts)
    report = index_photos((), filled, turned, switch=True)
    assert report.switch is not None
    assert report.switch.done
    assert asked == 5  # four batches of photos and one of texts
    with Library.open(filled.path) as reader:
        assert reader.space == turned.space


SCRIPT = """
import importlib.util, os, signal, sys
from indexer import Library, index_photos

spec = importlib.util.spec_from_file_location("conftest", sys.argv[1])
conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)

class Encoder(conftest.TurnedEncoder):
    def encode_images(self, images):
        vectors = super().encode_images(images)
        if self.images_encoded > int(sys.argv[3]):
            print("waiting", flush=True)
            sys.stdin.read()
        return vectors

    def encode_texts(self, texts):
        if sys.argv[4] == "texts":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_texts(texts)

if sys.argv[4] == "token":  # when all is switched, and no snapshot of it written
    sys.addaudithook(
        lambda name, args: os.kill(os.getpid(), signal.SIGKILL)
        if name == "os.rename" and str(args[1]).endswith(".faiss")
        else None
    )
with Library.open(sys.argv[2], writable=True) as library:
    index_photos((), library, Encoder(), switch=True)
"""


@pytest.fixture
def switching(tmp_path: Path, library: Library) -> Callable[..., list[str]]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    conftest = Path(__file__).parent.parent / "conftest.py"

    def command(images: int, end: str = "") -> list[str]:
        return [sys.executable, str(script), str(conftest), str(library.path), str(images), end]

    return command


def test_a_switch_of_a_thousand_photos_killed_half_way_is_resumed(
    library: Library, photos: Path, paint: Paint, encoder: ColourEncoder, turned: TurnedEncoder,
    switching: Callable[..., list[str]],
) -> None:  # fmt: skip
    for number in range(MANY):
        paint(photos / f"{number:03d}.png", COLOURS[number % 7], shade=number)
    (photos / "000.txt").write_text("a red square")
    assert index_photos([photos], library, encoder).added == MANY
    library.close()
    with Library.open(library.path) as reader:
        engine = SearchEngine(reader, encoder)
        query = Query.parse("purple", top_k=50)
        expected = engine.search(query).hits
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(switching(MANY // 2), **pipes) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"waiting\n"
            assert engine.search(query).hits == expected  # amid the run
            process.kill()
        done = 512 - 32  # whole batches of 32, but for the one that the model had just finished
        assert engine.search(query).hits == expected  # after its death
        with Library.open(library.path) as late:  # and for who comes then
            assert late.space == encoder.space
            assert SearchEngine(late, encoder).search(query).hits == expected
            assert states(late)["turned"] == ("being filled", done, 0)
        with Library.open(library.path, writable=True) as writer:
            again = index_photos((), writer, turned, switch=True)
            assert again.switch is not None
            assert (again.encoded, again.switch.done) == (MANY - done, True)
        assert engine.search(query).hits == expected  # after the switch
    with Library.open(library.path) as reader:
        assert states(reader) == {"colours": ("ready", MANY, 1), "turned": ("current", MANY, 1)}
        assert {hit.photo.path.stem for hit in SearchEngine(reader, turned).search(query).hits} <= {
            f"{number:03d}" for number in range(5, MANY, 7)
        }


@pytest.mark.parametrize(("end", "switched"), [("texts", False), ("token", True)])
def test_a_switch_killed_at_its_end_is_made_or_not(
    filled: Library, encoder: ColourEncoder, turned: TurnedEncoder, end: str, *, switched: bool,
    switching: Callable[..., list[str]],
) -> None:  # fmt: skip
    expected = scores(filled, encoder)
    filled.close()
    with Library.open(filled.path) as reader:
        killed = subprocess.run(switching(MANY, end), check=False)
        assert killed.returncode == -signal.SIGKILL
        assert reader.space == (turned.space if switched else encoder.space)
        assert scores(reader, encoder) == expected
        with Library.open(filled.path, writable=True) as writer:
            assert index_photos((), writer, turned, switch=True).encoded == 0
            assert writer.space == turned.space
            assert scores(writer, turned) == expected
        assert scores(reader, encoder) == expected


def test_no_photo_is_encoded_twice_however_often_a_switch_is_cut_off(
    filled: Library, turned: TurnedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_switch(filled, turned, monkeypatch)
    assert states(filled)["turned"] == ("being filled", 2, 0)
    half_switch(filled, turned, monkeypatch)
    assert states(filled)["turned"] == ("being filled", 4, 0)
    report = index_photos((), filled, turned, switch=True)
    assert (report.encoded, report.unchanged) == (3, 3)
    assert report.switch is not None
    assert report.switch.done


def test_photos_that_cannot_be_read_prevent_the_switch_and_lose_nothing(
    filled: Library, photos: Path, turned: TurnedEncoder, encoder: ColourEncoder
) -> None:
    expected = scores(filled, encoder)
    gone, damaged = photos / "there" / "purple.png", photos / "here" / "blue.png"
    notes = photos / "there" / "yellow.png"
    whole = {path: (path.read_bytes(), path.stat()) for path in (gone, damaged, notes)}
    gone.unlink()
    damaged.write_bytes(whole[damaged][0][:40].ljust(whole[damaged][1].st_size, b"\0"))
    os.utime(damaged, ns=(0, whole[damaged][1].st_mtime_ns))
    notes.write_text("notes")  # changed, and in no folder that is listed
    report = index_photos([photos / "here"], filled, turned, switch=True)
    assert report.removed == 0
    assert report.switch is not None
    assert not report.switch.done
    reasons = {each.path: each.reason for each in report.switch.lacking}
    assert reasons.keys() == {gone, damaged, notes}
    assert reasons[gone] == "its file is gone"
    assert "damaged" in reasons[damaged]
    assert filled.space == encoder.space
    assert scores(filled, encoder) == expected
    assert states(filled)["turned"] == ("being filled", 4, 2)

    for path in (damaged, notes):
        path.write_bytes(whole[path][0])
    filled.forget([gone])
    again = index_photos((), filled, turned, switch=True)
    assert again.switch is not None
    assert (again.encoded, again.switch.done, filled.space) == (2, True, turned.space)


def test_a_photo_on_a_disk_that_is_away_prevents_the_switch(
    filled: Library, photos: Path, turned: TurnedEncoder
) -> None:
    with filled.writing() as connection:
        connection.exec_driver_sql("INSERT INTO mount VALUES (?)", (str(photos / "there"),))
    (photos / "there").rename(photos / "away")
    report = index_photos((), filled, turned, switch=True)
    assert report.switch is not None
    assert {each.reason for each in report.switch.lacking} == {"its file cannot be reached"}
    (photos / "away").rename(photos / "there")
    assert index_photos((), filled, turned, switch=True).encoded == 3
    assert filled.space == turned.space


def test_a_photo_that_is_gone_from_a_listed_folder_leaves_and_prevents_nothing(
    filled: Library, photos: Path, turned: TurnedEncoder
) -> None:
    (photos / "here" / "red.png").unlink()
    report = index_photos([photos / "here"], filled, turned, switch=True)
    assert report.switch is not None
    assert (report.removed, report.switch.done) == (1, True)
    assert states(filled) == {"colours": ("ready", 6, 1), "turned": ("current", 6, 1)}


def test_a_plain_run_amid_a_switch_goes_on_with_the_own_model(
    filled: Library, photos: Path, paint: Paint, turned: TurnedEncoder, encoder: ColourEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    paint(photos / "here" / "a new one.png", "orange", shade=9)  # listed first: embedded first
    (photos / "here" / "a new one.txt").write_text("a new caption")
    with monkeypatch.context() as patch:
        interrupt_after(turned, patch, 4)
        assert index_photos([photos / "here"], filled, turned, switch=True).added == 1
    assert states(filled) == {"colours": ("current", 7, 2), "turned": ("being filled", 2, 0)}
    report = index_photos([photos / "here"], filled, encoder)
    assert (report.unchanged, report.encoded, report.switch) == (5, 1, None)
    assert states(filled) == {"colours": ("current", 8, 3), "turned": ("being filled", 2, 0)}
    assert "a new one" in best(filled, encoder)["orange"][:2]
    assert index_photos((), filled, turned, switch=True).encoded == 6
    assert states(filled)["turned"] == ("current", 8, 3)


def test_a_photo_that_lost_its_embedding_gets_it_again(
    filled: Library, photos: Path, encoder: ColourEncoder
) -> None:
    expected = best(filled, encoder)
    with filled.writing() as connection:
        connection.exec_driver_sql("DELETE FROM image_embedding WHERE id IN (2, 3)")
    assert len(best(filled, encoder)["red"]) == 5
    report = index_photos([photos], filled, encoder)
    assert (report.unchanged, report.encoded) == (7, 2)
    assert best(filled, encoder) == expected


def test_an_engine_keeps_to_its_space_across_a_switch(
    filled: Library, turned: TurnedEncoder, encoder: ColourEncoder
) -> None:
    expected = scores(filled, encoder)
    with Library.open(filled.path) as fresh, Library.open(filled.path) as used:
        assert scores(used, encoder) == expected  # has the old index in memory
        index_photos((), filled, turned, switch=True)
        for reader in (fresh, used, filled):
            assert scores(reader, encoder) == expected
            # turned alike, the new space scores alike, and only by its own vectors
            assert scores(reader, turned) == expected


@pytest.mark.parametrize("target", ["photos", "captions"])
def test_no_query_meets_vectors_of_another_space_whenever_the_switch_comes(
    filled: Library, target: str, turned: TurnedEncoder, encoder: ColourEncoder, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as patch:  # all but the switch itself
        patch.setattr("indexer.pipeline.try_switch", lambda *_: None)
        index_photos((), filled, turned, switch=True)
    expected = found(filled, encoder, target)
    filled.close()
    tried = 0
    while True:  # the switch comes before each statement of a search in turn
        tried += 1
        path = Path(shutil.copytree(filled.path, tmp_path / f"copy {tried}"))
        with Library.open(path, writable=True) as writer, Library.open(path) as reader:
            left = tried

            def switch(*_: object, writer: Library = writer) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    index_photos((), writer, turned, switch=True)

            with listening(switch):
                assert found(reader, encoder, target) == expected, tried
            if left > 0:  # the search took fewer statements
                break
            assert writer.space == turned.space
            assert found(reader, encoder, target) == expected
            assert sorted(found(reader, turned, target)) == sorted(expected)
    assert tried > 8


def found(library: Library, encoder: ColourEncoder, target: str) -> list[tuple[str, float]]:
    hits = SearchEngine(library, encoder).search(Query.parse("purple", target=target)).hits
    return [(hit.photo.path.stem, round(hit.score, 4)) for hit in hits]


class listening:  # noqa: N801
    """Call back before every statement, but not for those of the callback itself."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call, self._busy = call, False

    def _before(self, *args: object) -> None:
        if not self._busy:
            self._busy = True
            self._call(*args)
            self._busy = False

    def __enter__(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._before)

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._before)


@pytest.mark.parametrize("seed", range(8))
def test_every_space_answers_by_its_own_vectors_whatever_happens(
    library: Library, photos: Path, paint: Paint, turned: TurnedEncoder, seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    chance = random.Random(seed)
    encoders = [type(turned)(f"turned by {by}", by=by) for by in range(4)]
    paint(photos / "0 red.png", "red")
    index_photos([photos], library, encoders[0])
    with Library.open(library.path) as reader:
        for number in range(1, 40):
            own = next(each for each in encoders if each.space == library.space)
            other = chance.choice(encoders)
            held = [path for path in photos.iterdir() if path.stem[0] != "0"]
            match chance.choice(("add", "remove", "index", "half", "half", "switch", "forget")):
                case "add":
                    colour = chance.choice(COLOURS)
                    paint(photos / f"{number} {colour}.png", colour, shade=number)
                case "remove" if held:
                    chance.choice(held).unlink()
                case "index":
                    index_photos([photos], library, own)
                case "half":
                    with monkeypatch.context() as patch:
                        interrupt_after(other, patch, other.images_encoded + 3)
                        index_photos([photos], library, other, switch=True)
                case "switch":
                    index_photos([photos], library, other, switch=True)
                    assert library.space == other.space
                case "forget" if other is not own and other.space.model in states(library):
                    library.forget_space(other.space.model)
            known = states(library)
            for each in encoders:
                state, covered, _ = known.get(each.space.model, ("", 0, 0))
                colour = chance.choice(COLOURS)
                for one in (library, reader):
                    check_answers(one, each, colour, None if state in UNREADY else covered)


UNREADY = {"", "being filled"}


def check_answers(
    library: Library, encoder: ColourEncoder, colour: str, covered: int | None
) -> None:
    """Search by looks, which alone know spaces: for what is covered, or to be refused."""
    engine = SearchEngine(library, encoder)
    query = Query.parse(colour, top_k=100, channels=("image",))
    if covered is None:
        with pytest.raises(SpaceMismatchError):
            engine.search(query)
        return
    hits = engine.search(query).hits
    assert len(hits) == covered
    wanted, *truths = encoder.encode_texts([colour, *(hit.photo.path.stem for hit in hits)])
    for hit, truth in zip(hits, truths, strict=True):  # its colour is its name
        assert hit.score == pytest.approx(truth @ wanted, abs=0.02)


def test_a_switch_may_change_the_size_of_vectors(
    filled: Library, encoder: ColourEncoder, turned: TurnedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = scores(filled, encoder)
    images, texts = encoder.encode_images, encoder.encode_texts
    turned.dim = 4  # all that colours need
    turned.space = Space("small", "a" * 64, "b" * 64, 4)
    monkeypatch.setattr(turned, "encode_images", lambda pixels: images(pixels)[:, :4])
    monkeypatch.setattr(turned, "encode_texts", lambda words: texts(words)[:, :4])
    with Library.open(filled.path) as reader:
        assert scores(reader, encoder) == expected
        index_photos((), filled, turned, switch=True)
        for each in (reader, filled):
            assert scores(each, encoder) == expected
            assert scores(each, turned) == expected
    with Library.open(filled.path) as late:
        assert scores(late, turned) == expected


def test_a_space_that_is_forgotten_gives_its_room_back(
    filled: Library, turned: TurnedEncoder, encoder: ColourEncoder
) -> None:
    index_photos((), filled, turned, switch=True)
    expected = scores(filled, turned)
    with filled.writing() as connection:  # a large one
        rows = [(number.to_bytes(16, "big"), bytes(1000)) for number in range(2000)]
        connection.exec_driver_sql(
            "INSERT INTO image_embedding (space_id, content_hash, vector) VALUES (1, ?, ?)", rows
        )
    size = filled.bytes_on_disk()
    with Library.open(filled.path) as reader:
        SearchEngine(reader, encoder)
        freed = filled.forget_space("colours")
        assert (freed.space, freed.vectors) == (encoder.space, 2009)
        assert freed.bytes > 2_000_000
        assert filled.bytes_on_disk() == size - freed.bytes
        assert states(reader) == {"turned": ("current", 7, 2)}
        with pytest.raises(SpaceMismatchError, match="do not compare"):
            SearchEngine(reader, encoder).search(Query.parse("red"))
        assert scores(reader, turned) == expected


def test_a_space_that_takes_the_id_of_a_forgotten_one_is_another(
    filled: Library, turned: TurnedEncoder, encoder: ColourEncoder, other_encoder: ColourEncoder
) -> None:
    expected = scores(filled, encoder)
    index_photos((), filled, turned, switch=True)
    index_photos((), filled, encoder, switch=True)
    with Library.open(filled.path) as reader:
        assert scores(reader, turned) == expected  # its index is in memory
        filled.forget_space("turned")
        other_encoder.space = Space("other", "a" * 64, "b" * 64, 8)
        index_photos((), filled, other_encoder, switch=True)
        with closing(sqlite3.connect(filled.path / "catalog.sqlite")) as connection:
            assert connection.execute("SELECT id, model FROM space ORDER BY id").fetchall() == [
                (1, "colours"),
                (2, "other"),
            ]
        with pytest.raises(SpaceMismatchError):
            scores(reader, turned)
        assert scores(reader, other_encoder) == expected
        index_photos((), filled, turned, switch=True)  # and the forgotten one comes back
        assert scores(reader, turned) == expected


def test_a_space_that_cannot_be_forgotten_is_told_with_what_can(
    filled: Library, turned: TurnedEncoder, encoder: ColourEncoder
) -> None:
    with pytest.raises(LibraryError, match=r"Searches use .* sightseek index --model OTHER"):
        filled.forget_space("colours")
    with pytest.raises(LibraryError, match=r"holds no space turned.*colours@"):
        filled.forget_space("turned")
    turned.space = Space("colours", "a" * 64, "b" * 64, 8)  # an update under the same name
    index_photos((), filled, turned, switch=True)
    with pytest.raises(LibraryError, match=rf"several spaces.*{encoder.space} or {turned.space}"):
        filled.forget_space("colours")
    with pytest.raises(LibraryError, match="Searches use"):
        filled.forget_space(str(turned.space))
    assert filled.forget_space(str(encoder.space)).vectors == 9
    assert states(filled) == {"colours": ("current", 7, 2)}


def test_a_bundle_is_forgotten_by_any_path_to_it(
    filled: Library, turned: TurnedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned.space = Space(str(tmp_path / "bundle"), "a" * 64, "b" * 64, 8)
    half_switch(filled, turned, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert filled.forget_space("./bundle").vectors == 2


def test_a_half_filled_space_may_be_forgotten_and_begun_again(
    filled: Library, turned: TurnedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_switch(filled, turned, monkeypatch)
    assert filled.forget_space("turned").vectors == 2
    assert index_photos((), filled, turned, switch=True).encoded == 7


def test_photos_that_leave_leave_every_space(
    filled: Library, photos: Path, turned: TurnedEncoder
) -> None:
    index_photos((), filled, turned, switch=True)
    filled.forget([photos / "here"])
    assert states(filled) == {"colours": ("ready", 3, 1), "turned": ("current", 3, 1)}
    with closing(sqlite3.connect(filled.path / "catalog.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM image_embedding").fetchone() == (6,)
        assert connection.execute("SELECT count(*) FROM text_embedding").fetchone() == (2,)
    filled.forget([photos / "there"])
    index_photos([photos], filled, turned)
    assert list(states(filled)) == ["colours", "turned"]


def test_an_emptied_library_keeps_no_space_but_the_one_it_takes(
    filled: Library, photos: Path, turned: TurnedEncoder
) -> None:
    filled.forget([photos])
    report = index_photos([photos], filled, turned)
    assert (report.added, report.switch) == (7, None)
    assert states(filled) == {"turned": ("current", 7, 2)}


def test_a_switch_without_paths_needs_photos(
    library: Library, filled: Library, photos: Path, turned: TurnedEncoder
) -> None:
    filled.forget([photos])
    with pytest.raises(LibraryError, match="sightseek index FOLDER"):
        index_photos((), filled, turned, switch=True)


def test_the_same_weights_under_another_name_are_no_other_space(
    filled: Library, encoder: ColourEncoder
) -> None:
    mine = encoder.space
    encoder.space = Space("renamed", mine.weights_digest, mine.preprocessing_digest, mine.dim)
    report = index_photos((), filled, encoder, switch=True)
    assert (report.encoded, report.switch) == (0, None)
    assert states(filled) == {"renamed": ("current", 7, 2)}  # nothing goes by the old name


@pytest.fixture
def first_version(filled: Library, age: Callable[..., None]) -> Path:
    """The library as the first version of sightseek wrote it."""
    filled.close()
    age(filled.path, version=1)
    return filled.path


def test_a_library_of_the_first_version_is_brought_up_to_date(
    first_version: Path, photos: Path, encoder: ColourEncoder, turned: TurnedEncoder
) -> None:
    with closing(sqlite3.connect(first_version / "catalog.sqlite")) as connection, connection:
        connection.execute(
            "INSERT INTO space VALUES (9, 'never filled', 'x', 'y', 8, 0, '2026-01-01')"
        )
    with pytest.raises(LibraryError, match="sightseek index"):
        Library.open(first_version)
    with Library.open(first_version, writable=True) as library:
        assert states(library) == {"colours": ("current", 7, 2)}
        assert index_photos([photos], library, encoder).unchanged == 7
        assert best(library, encoder)["blue"][0] == "blue"
        index_photos((), library, turned, switch=True)
        assert library.space == turned.space
    with Library.open(first_version) as reader:
        assert np.isclose(scores(reader, turned)["red", "red"], 1, atol=1e-3)
