from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from indexer.decode.formats import claims_photo, describe, photo_format, sniff


def encoded(format_name: str) -> bytes:
    data = BytesIO()
    Image.new("RGB", (8, 8)).save(data, format_name)
    return data.getvalue()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_formats_are_known_by_their_first_bytes(name: str) -> None:
    assert sniff(encoded(name)[:32]) == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "CR3"),
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"IIU\0\x18\0\0\0", "RW2"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", None),
        (b"BM, said the text", None),
        (b"hello", None),
        (b"", None),
    ],
)
def test_magic_bytes_name_the_format(head: bytes, name: str | None) -> None:
    assert sniff(head) == name


def test_a_tiff_with_a_dng_version_is_a_dng() -> None:
    assert sniff(b"MM\0*\0\0\0\x08" + struct.pack(">HHHII", 1, 50706, 1, 4, 0x01040000)) == "DNG"


def test_a_tiff_that_its_name_calls_raw_is_raw() -> None:
    tiff = encoded("TIFF")
    assert photo_format(tiff, Path("a.NEF")) == "NEF"
    assert photo_format(tiff, Path("a.tif")) == "TIFF"
    assert photo_format(encoded("JPEG"), Path("a.nef")) == "JPEG"


def test_a_preview_with_the_photo_in_a_sub_directory_is_raw() -> None:
    tags = struct.pack("<HHII", 254, 4, 1, 1) + struct.pack("<HHII", 330, 4, 1, 400)
    assert sniff(b"II*\0\x08\0\0\0\x02\0" + tags) == "RAW"


def test_names_claim_photos_by_suffix() -> None:
    assert claims_photo(Path("a.JPG"))
    assert claims_photo(Path("a.heic"))
    assert not claims_photo(Path("a.txt"))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"just words\n", "a text"),
        (b"\n<html><body>", "a web page"),
        (b"%PDF-1.7\n\0\1\2", "a PDF"),
        (b"\0\0\0\x18ftypisom", "a video"),
        (b"\0\1\2\3", "other data"),
    ],
)
def test_what_is_no_photo_is_described(head: bytes, said: str) -> None:
    assert describe(head) == said
