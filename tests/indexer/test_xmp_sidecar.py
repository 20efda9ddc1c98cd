"""Labels in XMP sidecars: others' words stay to the byte, and only our own ever go."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from defusedxml import ElementTree
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.errors import SidecarError
from indexer.records import OWN_LABELS
from indexer.xmp_sidecar import sidecar_path, with_labels, write_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
HOSTILE = '<&"]]>'

DARKTABLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="uuid:&quot;1&quot;"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:darktable="http://darktable.sf.net/"
   xmp:Rating="4" darktable:params="a&#xA;b > c"   darktable:unused='"'>
   <dc:subject>
    <rdf:Seq>
     <rdf:li>Cat</rdf:li>
     <rdf:li><![CDATA[a<b]]></rdf:li>
    </rdf:Seq>
   </dc:subject>
   <!-- mine > yours -->
   <darktable:history><rdf:Seq><rdf:li darktable:num="0"/></rdf:Seq></darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
ADOBE = """\ufeff<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:subject><rdf:Bag/></dc:subject></rdf:Description></rdf:RDF>

<?xpacket end="w"?>""".encode()
DEFAULTED = b"""<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/dc/elements/1.1/"><r:Description><title>t</title>
<subject><r:Bag><r:li>sea</r:li><r:li>dog</r:li></r:Bag></subject></r:Description></r:RDF>"""
EMPTY = b'<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
INGREDIENT = b"""<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:mm="http://ns.adobe.com/xap/1.0/mm/">
<r:Description r:about="a"><mm:Pantry><r:Bag><r:li><r:Description><dc:subject><r:Bag>
<r:li>of another photo</r:li></r:Bag></dc:subject></r:Description></r:li></r:Bag></mm:Pantry>
</r:Description></r:RDF>"""
FOREIGN = [DARKTABLE, ADOBE, DEFAULTED, EMPTY, INGREDIENT]

label = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Z"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=8,
) | st.sampled_from(["cat", "Cat", "dog", "sea", HOSTILE, "a<b", "狗"])
some_labels = st.lists(label, max_size=4)


def keywords(data: bytes | None, tag: str = SUBJECT) -> list[str]:
    if data is None:
        return []
    root = ElementTree.fromstring(data)
    rdf = root if root.tag == f"{RDF}RDF" else root.find(f"{RDF}RDF")
    bags = [bag for each in rdf.findall(f"{RDF}Description") for bag in each.findall(tag)]
    return ["".join(item.itertext()) for bag in bags for item in bag.iter(f"{RDF}li")]


def test_a_new_sidecar_holds_the_labels_and_tells_that_they_are_ours() -> None:
    data = with_labels(None, ["dog", HOSTILE, "狗"])
    assert keywords(data) == keywords(data, OWN_LABELS) == ["dog", HOSTILE, "狗"]


def test_no_labels_make_no_sidecar_and_leave_none() -> None:
    assert with_labels(None, []) is None
    assert with_labels(with_labels(None, ["dog"]), []) is None


def test_labels_join_the_keywords_that_are_there() -> None:
    data = with_labels(DARKTABLE, ["cat", "dog"])
    assert keywords(data) == ["Cat", "a<b", "dog"]
    assert keywords(data, OWN_LABELS) == ["dog"]  # the cat is someone else's
    ours = (line for line in data.splitlines() if line not in DARKTABLE.splitlines())
    assert b"     <rdf:li>dog</rdf:li>" in ours


def test_a_keyword_that_someone_adds_later_is_never_taken_away() -> None:
    data = with_labels(None, ["dog"]).replace(
        b"<rdf:li>dog</rdf:li>", b"<rdf:li>Rex</rdf:li><rdf:li>dog</rdf:li>", 1
    )
    assert keywords(with_labels(data, [])) == ["Rex"]


def test_ingredients_keep_their_own_keywords() -> None:
    assert b"of another photo" in with_labels(INGREDIENT, ["of another photo"])
    assert keywords(with_labels(INGREDIENT, ["sea"])) == ["sea"]


@pytest.mark.parametrize("foreign", FOREIGN)
@settings(max_examples=30)
@given(first=some_labels, second=some_labels)
@example(first=["cat"], second=["dog"])
def test_labels_come_and_go_and_the_rest_stays(
    foreign: bytes, first: list[str], second: list[str]
) -> None:
    theirs = keywords(foreign)
    folded = {text.casefold() for text in theirs}
    once = with_labels(foreign, first)
    twice = with_labels(once, second)
    own = [text for text in dict.fromkeys(second) if text.casefold() not in folded]
    assert sorted(keywords(twice)) == sorted([*theirs, *own])
    assert sorted(keywords(twice, OWN_LABELS)) == sorted(own)
    assert with_labels(twice, second) == twice
    cleared = with_labels(twice, [])
    assert keywords(cleared) == theirs
    if theirs:  # the bytes are as before wherever nothing was empty
        assert cleared == foreign


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not XML",
        b"<html/>",
        DARKTABLE[:-20],
        b'<!DOCTYPE x [<!ENTITY e "e">]>' + EMPTY,
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + EMPTY,
        "<a>é</a>".encode("latin-1"),
        DARKTABLE.replace(b"<rdf:Seq>\n     <rdf:li>Cat", b"<rdf:li>Cat").replace(
            b"</rdf:Seq>\n   </dc:subject>", b"</dc:subject>"
        ),
        b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:subject="cat"/></r:RDF>',
    ],
)
def test_a_sidecar_that_is_not_understood_is_left_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(data)
    with pytest.raises(SidecarError) as failure:
        write_labels(tmp_path / "a.jpg", ["dog"])
    assert str(failure.value).startswith(f"{path} ")
    assert "\n" not in str(failure.value)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=60)
@given(st.binary(max_size=40))
def test_no_bytes_crash_the_reader(junk: bytes) -> None:
    at = len(junk) * 29 % len(DARKTABLE)
    for data in (junk, DARKTABLE[:at] + junk + DARKTABLE[at:]):
        try:
            new = with_labels(data, ["dog"])
        except SidecarError:
            continue
        assert "dog" in keywords(new)


def test_a_sidecar_is_written_only_when_it_changes(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    assert not write_labels(photo, [])
    assert write_labels(photo, ["dog"])
    before = sidecar_path(photo).stat()
    assert not write_labels(photo, ["dog"])
    assert sidecar_path(photo).stat().st_mtime_ns == before.st_mtime_ns
    assert write_labels(photo, [])
    assert not list(tmp_path.iterdir())


def test_what_another_program_writes_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"

    class Slow(list[str]):
        def __iter__(self) -> Iterator[str]:
            path.write_bytes(DARKTABLE)
            return super().__iter__()

    for old in (None, EMPTY):
        path.unlink(missing_ok=True)
        if old:
            path.write_bytes(old)
        with pytest.raises(SidecarError, match="was just changed by another program"):
            write_labels(tmp_path / "a.jpg", Slow(["dog"]))
        assert path.read_bytes() == DARKTABLE


def test_a_sidecar_keeps_its_permissions_and_its_link(tmp_path: Path) -> None:
    real = tmp_path / "real.xmp"
    real.write_bytes(DARKTABLE)
    real.chmod(0o640)
    link = tmp_path / "a.jpg.xmp"
    link.symlink_to(real)
    assert write_labels(tmp_path / "a.jpg", ["dog"])
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert b"dog" in real.read_bytes()


def test_a_folder_that_takes_no_file_is_one_clear_line(tmp_path: Path) -> None:
    blocked = tmp_path / ".a.jpg.xmp.tmp"  # stands for a folder that is read-only, to root too
    blocked.mkdir()
    with pytest.raises(SidecarError, match=r"a\.jpg\.xmp cannot be written: "):
        write_labels(tmp_path / "a.jpg", ["dog"])
