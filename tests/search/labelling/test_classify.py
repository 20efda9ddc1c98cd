"""Labels become keywords: written, replaced, taken away, and nobody else's touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer import index_photos
from indexer.catalog import embeddings, keywords
from indexer.catalog.schema import image_embedding
from indexer.decode.xmp import read_xmp_file
from indexer.errors import LibraryError
from indexer.records import Keyword
from indexer.status import read_status
from indexer.xmp_sidecar import with_labels
from search.labelling.classify import classify, clear
from search.labelling.files import Label
from search.labelling.sidecars import write_sidecars

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer import Library
    from search.labelling.classify import Labelling

    Paint = Callable[..., Path]

RED, BLUE, GREEN = Label("red"), Label("blue"), Label("green")
BACKGROUND = ("red blue", "green blue", "white", "yellow green", "purple", "orange", "white red")
LEAST = 0.05  # colours are fewer and nearer to each other than what photos show


@pytest.fixture
def filled(library: Library, photos: Path, paint: Paint, encoder: ColourEncoder) -> Library:
    for number, colour in enumerate(("red", "blue", "white", "yellow", "purple", "orange")):
        for shade in range(1, 4):
            paint(photos / f"{colour}{shade}.png", colour, shade=number * 10 + shade)
    index_photos([photos], library, encoder)
    return library


def label(library: Library, encoder: ColourEncoder, *labels: Label, **options: object) -> Labelling:
    options = {"min_confidence": LEAST, "max_labels": 1, "templates": ["{}"], **options}
    background = encoder.encode_texts(BACKGROUND)
    return classify(library, encoder, labels, background=background, **options)


def words(library: Library) -> dict[str, set[str]]:
    """Photos' names by their keywords."""
    with library.reading() as connection:
        owned = keywords.all_of(connection, "labels")
        from indexer.catalog import photos as rows

        held = rows.contents(connection)
    found: dict[str, set[str]] = {}
    for photo_id, text in owned:
        found.setdefault(text, set()).add(held[photo_id][0].name)
    return found


def give_by_hand(library: Library, path: Path, *texts: str) -> int:
    from indexer.catalog import photos as rows

    with library.writing() as connection:
        photo_id = rows.by_path(connection, path)[0].id
        keywords.replace(connection, photo_id, "sidecar", [Keyword(t, "sidecar") for t in texts])
    return photo_id


REDS = {"red1.png", "red2.png", "red3.png"}
BLUES = {"blue1.png", "blue2.png", "blue3.png"}


def test_photos_get_the_labels_that_apply(filled: Library, encoder: ColourEncoder) -> None:
    found = label(filled, encoder, RED, BLUE, GREEN)
    assert words(filled) == {"red": REDS, "blue": BLUES}
    assert found.counts == (("blue", 3), ("red", 3), ("green", 0))
    assert (found.photos, len(found.found), found.added) == (18, 6, 6)
    assert dict(read_status(filled).labels) == {"red": 3, "blue": 3}


def test_a_label_goes_by_its_own_name_when_a_synonym_applies(
    filled: Library, encoder: ColourEncoder
) -> None:
    label(filled, encoder, Label("green", ("red",)), BLUE)
    assert words(filled) == {"green": REDS, "blue": BLUES}


def test_a_new_run_replaces_what_the_same_labels_wrote_and_nothing_else(
    filled: Library, encoder: ColourEncoder, photos: Path
) -> None:
    by_hand = give_by_hand(filled, photos / "red1.png", "red", "mine")
    label(filled, encoder, RED, BLUE)
    index = [photos / "blue1.png", photos / "blue2.png"]
    for path in index:
        path.unlink()
    index_photos([photos], filled, encoder)
    again = label(filled, encoder, RED)
    assert words(filled) == {"red": REDS, "blue": {"blue3.png"}}
    assert (again.added, again.removed, again.kept, again.others) == (0, 0, 3, 1)
    stricter = label(filled, encoder, RED, min_confidence=1.0)
    assert (stricter.removed, words(filled)) == (3, {"blue": {"blue3.png"}})
    with filled.reading() as connection:
        kept = keywords.of_photos(connection, [by_hand])[by_hand]
    assert {(each.text, each.source) for each in kept} == {("red", "sidecar"), ("mine", "sidecar")}


def test_a_dry_run_tells_and_writes_nothing(filled: Library, encoder: ColourEncoder) -> None:
    found = label(filled, encoder, RED, dry_run=True)
    assert {each.path.name for each in found.found} == REDS
    assert (found.added, words(filled)) == (3, {})


def test_only_photos_within_are_labelled_by_what_is_usual_in_all(
    filled: Library, encoder: ColourEncoder, photos: Path
) -> None:
    within = {give_by_hand(filled, photos / "red1.png")}
    label(filled, encoder, RED, BLUE)
    found = label(filled, encoder, RED, within=within, min_confidence=1.0)
    assert (found.photos, found.removed) == (1, 1)
    assert words(filled) == {"red": REDS - {"red1.png"}, "blue": BLUES}
    clear(filled, within=within)
    assert words(filled)["red"] == REDS - {"red1.png"}


def test_photos_that_join_are_labelled_by_the_next_run(
    filled: Library, encoder: ColourEncoder, photos: Path, paint: Paint
) -> None:
    label(filled, encoder, RED)
    paint(photos / "red4.png", "red", shade=99)
    index_photos([photos], filled, encoder)
    again = label(filled, encoder, RED)
    assert words(filled) == {"red": REDS | {"red4.png"}}
    assert (again.added, again.kept) == (1, 3)


def test_copies_share_their_labels(filled: Library, encoder: ColourEncoder, photos: Path) -> None:
    (photos / "copy.png").write_bytes((photos / "red1.png").read_bytes())
    index_photos([photos], filled, encoder)
    label(filled, encoder, RED)
    assert words(filled) == {"red": REDS | {"copy.png"}}


def test_labels_are_cleared_all_or_some(filled: Library, encoder: ColourEncoder) -> None:
    label(filled, encoder, RED, BLUE)
    assert clear(filled, dry_run=True).removed == 6
    assert clear(filled, ["red"]).removed == 3
    assert words(filled) == {"blue": BLUES}
    assert clear(filled).removed == 3
    assert words(filled) == {}


def test_labels_of_a_photo_that_changes_go(
    filled: Library, encoder: ColourEncoder, photos: Path, paint: Paint, touch: Callable[..., None]
) -> None:
    label(filled, encoder, RED)
    touch(paint(photos / "red1.png", "white", shade=77))
    index_photos([photos], filled, encoder)
    assert words(filled) == {"red": REDS - {"red1.png"}}


def test_a_damaged_vector_spoils_no_label(filled: Library, encoder: ColourEncoder) -> None:
    with filled.writing() as connection:
        kind = image_embedding
        row = connection.execute(kind.select().limit(1)).one()
        broken = b"\xff\x7f" * encoder.dim  # not numbers
        connection.execute(kind.update().where(kind.c.id == row.id).values(vector=broken))
        assert embeddings.count(connection, embeddings.PHOTOS, 1) == 18
    label(filled, encoder, RED, BLUE)
    assert sum(map(len, words(filled).values())) >= 5


def test_an_empty_library_is_one_clear_error(library: Library, encoder: ColourEncoder) -> None:
    with pytest.raises(LibraryError):
        label(library, encoder, RED)


def test_sidecars_say_what_the_library_says_and_are_not_read_back_as_a_persons(
    filled: Library, encoder: ColourEncoder, photos: Path
) -> None:
    label(filled, encoder, RED, BLUE)
    assert write_sidecars(filled).changed == 6
    side = photos / "red1.png.xmp"
    assert b"<rdf:li>red</rdf:li>" in side.read_bytes()
    assert read_xmp_file(side).keywords == ()
    assert index_photos([photos], filled, encoder).reread == 0
    side.touch()
    assert index_photos([photos], filled, encoder).reread == 1
    with filled.reading() as connection:
        assert not keywords.all_of(connection, "sidecar")
    assert words(filled) == {"red": REDS, "blue": BLUES}
    assert write_sidecars(filled).changed == 0
    clear(filled, ["red"])
    assert write_sidecars(filled).changed == 3
    assert {path.name for path in photos.glob("*.xmp")} == {f"{name}.xmp" for name in BLUES}


def test_a_persons_words_in_a_sidecar_are_read_although_labels_joined_them(
    filled: Library, encoder: ColourEncoder, photos: Path
) -> None:
    side = photos / "red1.png.xmp"
    side.write_bytes(with_labels(None, ["mine"]).replace(b"sightseek:labels", b"dc:relation"))
    label(filled, encoder, RED)
    write_sidecars(filled)  # before the person's word was ever read
    index_photos([photos], filled, encoder)
    with filled.reading() as connection:
        assert {text for _, text in keywords.all_of(connection, "sidecar")} == {"mine"}


def test_a_sidecar_that_cannot_be_written_is_named_and_the_others_are_written(
    filled: Library, encoder: ColourEncoder, photos: Path
) -> None:
    label(filled, encoder, RED)
    (photos / "red1.png.xmp").write_bytes(b"not XML")
    (photos / "red2.png").unlink()
    found = write_sidecars(filled)
    assert found.changed == 1
    reasons = {each.path.name: each.reason for each in found.failed}
    assert "red1.png.xmp is no XML" in reasons["red1.png"]
    assert "red2.png is not there" in reasons["red2.png"]
