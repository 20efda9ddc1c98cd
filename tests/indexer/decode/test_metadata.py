from __future__ import annotations

from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import IFD

from indexer.decode.metadata import MAX_CHARACTERS
from indexer.decode.photo import Decoded, decode

DESCRIPTION, COMMENT, XP_TITLE, XP_COMMENT = 0x010E, 0x9286, 0x9C9B, 0x9C9C


def descriptions(
    main: dict[int, Any] | None = None,
    comment: bytes | None = None,
    name: str = "JPEG",
    **options: Any,
) -> tuple[str, ...]:
    exif = Image.Exif()
    exif.update(main or {})
    if comment is not None:
        exif.get_ifd(IFD.Exif)[COMMENT] = comment
    data = BytesIO()
    Image.new("RGB", (8, 8)).save(data, name, exif=exif, **options)
    return decode(data.getvalue(), path=Path("a"), min_side=None).captions


def xmp(body: str) -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'{body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def alternatives(tag: str, *texts: str) -> str:
    items = "".join(f'<rdf:li xml:lang="x-default">{text}</rdf:li>' for text in texts)
    return f"<dc:{tag}><rdf:Alt>{items}</rdf:Alt></dc:{tag}>"


def with_iptc(*datasets: tuple[int, int, bytes]) -> tuple[str, ...]:
    return decoded_iptc(*datasets).captions


def decoded_iptc(*datasets: tuple[int, int, bytes], **options: Any) -> Decoded:
    """Decode a JPEG with IPTC-IIM datasets in its Photoshop segment."""
    block = b"".join(
        bytes((0x1C, record, number)) + len(value).to_bytes(2, "big") + value
        for record, number, value in datasets
    )
    resource = b"8BIM\x04\x04\0\0" + len(block).to_bytes(4, "big") + block + bytes(len(block) % 2)
    segment = b"Photoshop 3.0\0" + resource
    data = BytesIO()
    Image.new("RGB", (8, 8)).save(data, "JPEG", **options)
    jpeg = data.getvalue()
    marked = b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment
    return decode(jpeg[:2] + marked + jpeg[2:], path=Path("a"), min_side=None)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_the_exif_description_is_read_from_every_format(name: str) -> None:
    assert descriptions({DESCRIPTION: "A boat at sea"}, name=name) == ("A boat at sea",)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_xmp_descriptions_and_titles_are_read(name: str) -> None:
    packet = xmp(alternatives("title", "Pier") + alternatives("description", "Two  people", "渔船"))
    if name == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        assert descriptions(name=name, pnginfo=info) == ("Two people", "渔船", "Pier")
    elif name == "TIFF":
        assert descriptions(name=name, tiffinfo={700: packet}) == ("Two people", "渔船", "Pier")
    else:
        assert descriptions(name=name, xmp=packet) == ("Two people", "渔船", "Pier")


def test_windows_titles_and_comments_are_utf16() -> None:
    title = "Über Köln\0".encode("utf-16-le")
    assert descriptions({XP_TITLE: title, XP_COMMENT: "夜景".encode("utf-16-le")}) == (
        "Über Köln",
        "夜景",
    )


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"ASCII\0\0\0a pier\0\0", "a pier"),
        (b"UNICODE\0" + "a pier".encode("utf-16-le"), "a pier"),
        (b"UNICODE\0" + "a pier".encode("utf-16-be"), "a pier"),
        (b"UNICODE\0" + "a pier".encode("utf-16"), "a pier"),
        (b"\0" * 8 + "caf\u00e9".encode(), "café"),
        (b"JIS\0\0\0\0\0" + "東京".encode("iso2022_jp"), "東京"),
    ],
)
def test_user_comments_follow_their_charset(comment: bytes, text: str) -> None:
    assert descriptions(comment=comment) == (text,)


def test_iptc_captions_and_headlines_are_read() -> None:
    assert with_iptc((2, 105, b"Head"), (2, 120, b"caf\xe9 at night")) == ("café at night", "Head")
    utf8 = with_iptc((1, 90, b"\x1b%G"), (2, 120, "渔船".encode()))
    assert utf8 == ("渔船",)


def test_iptc_keywords_titles_places_and_dates_are_read() -> None:
    found = decoded_iptc(
        *((2, 5, b"The pier"), (2, 25, b"sea"), (2, 25, b"dog"), (2, 55, b"20210605")),
        *((2, 60, b"120000+0200"), (2, 90, b"Brest"), (2, 101, b"France"), (2, 120, b"Two people")),
    )
    assert (found.facts.title, found.facts.description) == ("The pier", "Two people")
    assert (found.keywords, found.facts.place) == (("sea", "dog"), "Brest, France")
    assert found.facts.taken_at == datetime(2021, 6, 5, 12, tzinfo=timezone(timedelta(hours=2)))


def test_cameras_tell_of_the_camera_first_and_people_of_the_rest() -> None:
    exif = Image.Exif()
    exif.update({DESCRIPTION: "by exif", 0x0110: "Pixel 7"})
    exif.get_ifd(IFD.Exif)[0x9003] = "2021:06:05 12:00:00"
    packet = xmp(alternatives("description", "by xmp") + alternatives("title", "XMP"))
    datasets = (
        (2, 120, b"by iptc"),
        (2, 5, b"IPTC"),
        (2, 55, b"20210605"),
        (2, 60, b"120000+0200"),
    )
    found = decoded_iptc(*datasets, exif=exif, xmp=packet)
    assert (found.facts.title, found.facts.description) == ("XMP", "by xmp")
    assert found.captions == ("by xmp", "XMP", "by iptc", "by exif")
    # the same moment by the clock: its offset is known to one source alone
    assert found.facts.taken_at == datetime(2021, 6, 5, 12, tzinfo=timezone(timedelta(hours=2)))


def test_a_damaged_iptc_block_is_read_as_far_as_it_goes() -> None:
    assert with_iptc((2, 120, b"a pier"), (2, 0x80, b"")) == ("a pier",)


def test_the_same_caption_is_given_once() -> None:
    packet = xmp(alternatives("description", "A boat"))
    assert descriptions({DESCRIPTION: "a  boat "}, xmp=packet) == ("A boat",)


@pytest.mark.parametrize(
    "junk",
    [
        "OLYMPUS DIGITAL CAMERA         ",
        "SONY DSC",
        "MINOLTA DIGITAL CAMERA",
        "Exif_JPEG_PICTURE",
        "DCIM\\100MEDIA\\DJI_0001.JPG",
        "DSC01234.jpg",
        "Screenshot",
        "20210605",
        " - ",
        '{"filter": 1}',
    ],
)
def test_what_cameras_write_by_themselves_is_dropped(junk: str) -> None:
    assert descriptions({DESCRIPTION: junk}) == ()


def test_a_caption_that_only_mentions_a_camera_stays() -> None:
    text = "My first digital camera, a Sony DSC"
    assert descriptions({DESCRIPTION: text}) == (text,)


def test_long_captions_are_cut() -> None:
    [text] = descriptions({DESCRIPTION: "word " * 2000})
    assert len(text) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    "packet",
    [
        b"<dc:description>",
        b'<!DOCTYPE a [<!ENTITY b "description">]><a>&b;</a>',
        b"\xff\xfe description",
        b'<?xml version="1.0" encoding="no-such"?><description/>',
    ],
)
def test_damaged_or_hostile_xmp_is_passed_over(packet: bytes) -> None:
    assert descriptions({DESCRIPTION: "A boat"}, xmp=packet) == ("A boat",)
