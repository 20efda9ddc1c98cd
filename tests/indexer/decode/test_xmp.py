from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from indexer.decode.metadata import Metadata
from indexer.decode.photo import decode
from indexer.decode.xmp import read_xmp_file
from indexer.errors import DecodeError, UnreadableError

SPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:exifEX="http://cipa.jp/exif/1.0/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" '
    'xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" '
    'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" '
)
NOON = datetime(2021, 6, 5, 12, 0, 0)  # noqa: DTZ001 - a camera's clock knows no zone


def packet(body: str = "", attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {SPACES} {attributes}>{body}</rdf:Description></rdf:RDF>'
        '</x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def bag(tag: str, *texts: str, kind: str = "Bag") -> str:
    items = "".join(f"<rdf:li>{text}</rdf:li>" for text in texts)
    return f"<{tag}><rdf:{kind}>{items}</rdf:{kind}></{tag}>"


def read(path: Path, body: str = "", attributes: str = "") -> Metadata:
    path.write_bytes(packet(body, attributes))
    return read_xmp_file(path)


def test_what_people_write_is_read(tmp_path: Path) -> None:
    title = '<dc:title><rdf:Alt><rdf:li xml:lang="fr">La jetée</rdf:li>'
    title += '<rdf:li xml:lang="x-default">The pier</rdf:li></rdf:Alt></dc:title>'
    body = title + bag("dc:description", "Two people, a dog", kind="Alt")
    body += bag("dc:subject", "Sea", " dog ", "sea", "海") + "<xmp:Rating>4</xmp:Rating>"
    places = 'Iptc4xmpCore:Location="Old harbour" photoshop:City="Brest" photoshop:Country="France"'
    found = read(tmp_path / "a.xmp", body, places)
    assert (found.title, found.description) == ("The pier", "Two people, a dog")
    assert found.keywords == ("Sea", "dog", "海")
    assert (found.rating, found.place) == (4, "Old harbour, Brest, France")
    assert found.captions == ("Two people, a dog", "La jetée", "The pier")


def test_what_cameras_write_is_read_from_attributes_and_elements(tmp_path: Path) -> None:
    attributes = (
        'tiff:Make="Canon" tiff:Model="Canon EOS 5D" aux:Lens="EF 50mm f/1.8" exif:FNumber="28/10" '
        'exif:FocalLength="50/1" exif:GPSLatitude="48,51.5N" exif:GPSLongitude="2,17,30.0W" '
        'exif:DateTimeOriginal="2021-06-05T12:00:00.12+02:00"'
    )
    found = read(tmp_path / "a.xmp", bag("exif:ISOSpeedRatings", "400", kind="Seq"), attributes)
    assert (found.camera, found.lens, found.aperture) == ("Canon EOS 5D", "EF 50mm f/1.8", 2.8)
    assert (found.focal_length, found.iso) == (50, 400)
    assert found.position == (pytest.approx(48.8583, abs=1e-4), pytest.approx(-2.2917, abs=1e-4))
    assert found.taken_at == NOON.replace(tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2021-06-05", datetime(2021, 6, 5)),  # noqa: DTZ001
        ("2021-06-05T12:00", NOON),
        ("2021-06-05T12:00:00Z", NOON.replace(tzinfo=UTC)),
        ("2021:06:05 12:00:00", NOON),  # as darktable writes it
        ("2021", None),
        ("2021-02-31", None),
    ],
)
def test_dates_come_in_many_shapes(tmp_path: Path, text: str, time: datetime | None) -> None:
    assert read(tmp_path / "a.xmp", "", f'photoshop:DateCreated="{text}"').taken_at == time


@pytest.mark.parametrize(("stars", "rating"), [("-1", -1), ("0", 0), ("5", 5), ("3.0", 3)])
def test_ratings_run_from_rejected_to_five(tmp_path: Path, stars: str, rating: int) -> None:
    assert read(tmp_path / "a.xmp", "", f'xmp:Rating="{stars}"').rating == rating


@pytest.mark.parametrize(
    "attribute",
    [
        'xmp:Rating="6"',
        'xmp:Rating="NaN"',
        'exif:FNumber="28/0"',
        'exif:FNumber="-1"',
        'exif:FocalLength="0/1"',
        'exif:GPSLatitude="91,0N" exif:GPSLongitude="2,0E"',
        'exif:GPSLatitude="48,0N"',
        'exif:GPSLatitude="north" exif:GPSLongitude="2,0E"',
        'exifEX:PhotographicSensitivity="fast"',
    ],
)
def test_what_makes_no_sense_says_nothing(tmp_path: Path, attribute: str) -> None:
    assert read(tmp_path / "a.xmp", "", attribute) == Metadata()


def test_what_other_resources_say_is_not_of_the_photo(tmp_path: Path) -> None:
    inner = '<xmpMM:DerivedFrom><rdf:Description xmp:Rating="2"/></xmpMM:DerivedFrom>'
    assert read(tmp_path / "a.xmp", inner).rating is None


@pytest.mark.parametrize("content", [b"", b"<x", b"a text", b"<a/>", b"\xff\xfe<", bytes(5 << 20)])
def test_a_file_that_is_no_xmp_is_told_of(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xmp").write_bytes(content)
    with pytest.raises(DecodeError, match="is no XMP"):
        read_xmp_file(tmp_path / "a.xmp")


def test_a_sidecar_that_is_gone_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        read_xmp_file(tmp_path / "a.xmp")


GOOD = packet(bag("dc:subject", "sea"), 'xmp:Rating="4" exif:FNumber="28/10"')


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8))
def test_damaged_xmp_harms_no_photo(at: int, noise: bytes) -> None:
    damaged = GOOD[:at] + noise + GOOD[at + len(noise) :]
    data = BytesIO()
    Image.new("RGB", (8, 6)).save(data, "JPEG", xmp=damaged)
    found = decode(data.getvalue(), path=Path("a"), min_side=None)
    assert (found.facts.width, found.facts.height) == (8, 6)
    assert found.facts.rating in {None, 0, 1, 2, 3, 4, 5}


@given(st.text(max_size=30))
def test_any_text_is_a_keyword_or_none(text: str) -> None:
    from xml.sax.saxutils import escape

    kept = "".join(char for char in text if char.isprintable())
    data = BytesIO()
    xmp = packet(bag("dc:subject", escape(kept)))
    Image.new("RGB", (8, 6)).save(data, "JPEG", xmp=xmp)
    keywords = decode(data.getvalue(), path=Path("a"), min_side=None).keywords
    assert keywords == ((" ".join(kept.split()),) if kept.split() else ())
