"""Labels into XMP sidecars (`photo.jpg.xmp`), beside what others keep there. Never into photos.

A label becomes a keyword (dc:subject) and stands in a bag of sightseek's own too, which tells the
keywords that a later run may take away again. XMP: ISO 16684-1, its RDF in part 7. No XMP library
that is kept needs no C library, and none of Python's XML writers keeps a file as it was (minidom
loses line breaks in attributes before 3.13, ElementTree prefixes and what stands outside the
root), so the bytes of the file stay, and elements are put in and taken out among them.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException, ElementTree  # type: ignore[import-untyped]

from indexer.errors import SidecarError
from indexer.files import replacing
from indexer.records import OWN_LABELS, XMP_NAMESPACE, XMP_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_RDF_NAMESPACE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC_NAMESPACE = "http://purl.org/dc/elements/1.1/"
_RDF = f"{{{_RDF_NAMESPACE}}}"
_SUBJECT = f"{{{_DC_NAMESPACE}}}subject"
_CONTAINERS = frozenset(_RDF + kind for kind in ("Bag", "Seq", "Alt"))
_MAX_BYTES = 16 * 1024 * 1024  # darktable's with drawn masks take megabytes

_TAG = re.compile(rb"""<(?P<name>[^\s/>]+)(?:"[^"]*"|'[^']*'|[^"'>])*>""")
_ENCODING = re.compile(rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w.-]+)["']""")
_UTF8_MARK = b"\xef\xbb\xbf"
_SKELETON = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{_RDF_NAMESPACE}">
 </rdf:RDF>
</x:xmpmeta>
""".encode()


@dataclass(slots=True)
class _Element:
    """Where an element stands in the bytes: `<a>` is start:inside, `</a>` is after:end."""

    tag: str
    prefix: bytes  # as it is written, with its colon
    attributes: Mapping[str, str]
    start: int
    inside: int
    after: int = 0
    end: int = 0
    texts: list[str] = field(default_factory=list)
    children: list[_Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()

    def all_called(self, tag: str) -> Iterator[_Element]:
        return (child for child in self.children if child.tag == tag)


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    new: bytes = b""


def sidecar_path(photo: Path) -> Path:
    """Return where darktable and digiKam keep a photo's XMP."""
    return photo.with_name(photo.name + XMP_SUFFIX)


def write_labels(photo: Path, labels: Collection[str]) -> bool:
    """Make `labels` the keywords that sightseek gives a photo in its sidecar; tell if it changed.

    Raises SidecarError, and leaves the file as it was.
    """
    path = Path(os.path.realpath(sidecar_path(photo)))
    try:
        old = _read(path)
        new = with_labels(old, labels)
        if new == old:
            return False
        if new is None:
            path.unlink(missing_ok=True)
            return True
        with replacing(path) as beside:
            beside.write_bytes(new)
            if old is not None:
                shutil.copymode(path, beside)
            if _read(path) != old:
                raise SidecarError("was just changed by another program. Run the same again.")
    except SidecarError as error:
        raise SidecarError(f"{path} {error}") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise SidecarError(f"{path} cannot be written: {why}.") from error
    return True


def with_labels(sidecar: bytes | None, labels: Collection[str]) -> bytes | None:
    """Return a sidecar's bytes with these labels in place of those that sightseek wrote before.

    None stands for no file: none is made for no label, and one that held nothing else goes. A
    label that someone else gave, in whatever case, stays theirs. Raises SidecarError.
    """
    if sidecar is None and not labels:
        return None
    data = _SKELETON if sidecar is None else sidecar
    rdf = _find_rdf(_parse(data))
    subjects, own_bags = _properties(rdf, _SUBJECT), _properties(rdf, OWN_LABELS)
    owned = {item.text for item in _items(own_bags)}
    given = [item.text for item in _items(subjects)]
    theirs = {text.casefold() for text in given if text not in owned}
    own = [label for label in dict.fromkeys(labels) if label.casefold() not in theirs]
    drop = owned - set(own)
    edits = _Edits(data, rdf)
    edits.change(subjects, drop, [label for label in own if label not in given], "dc:subject")
    edits.change(own_bags, drop, [label for label in own if label not in owned], "sightseek:labels")
    new = edits.applied()
    return None if new == _SKELETON else new


class _Edits:
    """Changes to the properties of one sidecar; what becomes empty by them goes as a whole."""

    def __init__(self, data: bytes, rdf: _Element) -> None:
        self._data = data
        self._rdf = rdf
        self._edits: list[_Edit] = []
        self._gone: set[int] = set()  # where the properties start that go
        self._new: list[tuple[str, Sequence[str]]] = []  # properties that are not there yet

    def change(
        self, found: Sequence[_Element], drop: Collection[str], add: Sequence[str], name: str
    ) -> None:
        for element in found:
            items = list(_items([element]))
            kept = [item for item in items if item.text not in drop]
            new, add = add, ()  # to the first that there is
            if items and not kept and not new:
                self._gone.add(element.start)
                continue
            self._edits += [self._without(item) for item in items if item.text in drop]
            if new:
                self._insert(element.children[0], items, new)
        if add:
            self._new.append((name, add))

    def applied(self) -> bytes:
        self._edits += [self._without(element) for element in self._emptied()]
        if self._new:
            self._put_in(self._rdf, self._block(), after=self._rdf.after)
        pieces, at = [], 0
        for edit in sorted(self._edits, key=lambda edit: (edit.start, edit.end)):
            pieces += [self._data[at : edit.start], edit.new]
            at = edit.end
        return b"".join((*pieces, self._data[at:]))

    def _emptied(self) -> Iterator[_Element]:
        for described in self._rdf.all_called(f"{_RDF}Description"):
            gone = [child for child in described.children if child.start in self._gone]
            others = len(described.children) - len(gone)
            if gone and not others and set(described.attributes) <= {f"{_RDF}about"}:
                yield described
            else:
                yield from gone

    def _without(self, element: _Element) -> _Edit:
        return _Edit(element.start - len(self._space_before(element.start)), element.end)

    def _insert(self, bag: _Element, items: Sequence[_Element], texts: Sequence[str]) -> None:
        space = self._space_before(items[-1].start) if items else b""
        new = b"".join(space + _item(bag.prefix, text) for text in texts)
        self._put_in(bag, new, after=items[-1].end if items else bag.inside)

    def _put_in(self, element: _Element, new: bytes, *, after: int) -> None:
        if element.end > element.inside:
            after -= len(self._space_before(after)) if after == element.after else 0
            self._edits.append(_Edit(after, after, new))
            return
        opened = self._data[element.start : element.inside].removesuffix(b"/>") + b">"
        name = _name(self._data, element.start)
        self._edits.append(_Edit(element.start, element.end, opened + new + b"</" + name + b">"))

    def _space_before(self, at: int) -> bytes:
        before = self._data[max(0, at - 200) : at]
        return before[len(before.rstrip(b" \t\r\n")) :]

    def _block(self) -> bytes:
        """Write what is new as a description of its own, with all that it needs to be read."""
        described = next(self._rdf.all_called(f"{_RDF}Description"), None)
        about = described.attributes.get(f"{_RDF}about", "") if described else ""
        spaces = {"dc": _DC_NAMESPACE, "sightseek": XMP_NAMESPACE}
        if self._rdf.prefix != b"rdf:":
            spaces["rdf"] = _RDF_NAMESPACE
        lines = [f"<rdf:Description rdf:about={quoteattr(about)}"]
        lines += [f"  xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in spaces.items()]
        lines[-1] += ">"
        for name, texts in self._new:
            items = (f"   {_item(b'rdf:', text).decode()}" for text in texts)
            lines += [f" <{name}>", "  <rdf:Bag>", *items, "  </rdf:Bag>", f" </{name}>"]
        lines.append("</rdf:Description>")
        return "".join(f"\n  {line}" for line in lines).encode()


class _Builder:
    """What the parser tells of, with where it stands in the bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._open: list[_Element] = []
        self.root: _Element | None = None
        self.parser = ElementTree.DefusedXMLParser(target=self, encoding="utf-8")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        at = self.parser.parser.CurrentByteIndex
        whole = _TAG.match(self._data, at)
        if whole is None:  # an entity's, or what expat reads otherwise than we do
            raise SidecarError("cannot be understood.")
        prefix = whole["name"].rpartition(b":")
        element = _Element(tag, prefix[0] + prefix[1], attributes, at, whole.end())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _tag: str) -> None:
        element = self._open.pop()
        element.after = self.parser.parser.CurrentByteIndex
        is_empty = self._data[element.start : element.inside].endswith(b"/>")
        element.end = element.inside if is_empty else self._data.index(b">", element.after) + 1

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)

    def close(self) -> None:
        return None


def _parse(data: bytes) -> _Element:
    declared = _ENCODING.match(data.removeprefix(_UTF8_MARK))
    if declared and declared[1].lower() not in {b"utf-8", b"utf8"}:
        raise SidecarError("is not in UTF-8. Save it as UTF-8.")
    builder = _Builder(data)
    try:
        builder.parser.feed(data)
        builder.parser.close()
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SidecarError("is no XML that can be read. Repair it, or move it away.") from error
    if builder.root is None:
        raise SidecarError("is empty. Remove it, and run the same command again.")
    return builder.root


def _find_rdf(root: _Element) -> _Element:
    found = root if root.tag == f"{_RDF}RDF" else next(root.all_called(f"{_RDF}RDF"), None)
    if found is None:
        raise SidecarError("holds no XMP. Move it away, and run the same command again.")
    return found


def _properties(rdf: _Element, tag: str) -> list[_Element]:
    """Find a property of the photo itself: another photo's may stand deeper, as an ingredient."""
    described = list(rdf.all_called(f"{_RDF}Description"))
    found = [element for each in described for element in each.all_called(tag)]
    if any(tag in each.attributes for each in described) or any(map(_is_plain, found)):
        raise SidecarError("holds keywords in a form that is not XMP's. Save them anew there.")
    return found


def _is_plain(element: _Element) -> bool:
    return [child.tag in _CONTAINERS for child in element.children] != [True]


def _items(properties: Sequence[_Element]) -> Iterator[_Element]:
    for element in properties:
        yield from element.children[0].all_called(f"{_RDF}li")


def _item(prefix: bytes, text: str) -> bytes:
    return b"<%sli>%s</%sli>" % (prefix, escape(text).encode(), prefix)


def _name(data: bytes, start: int) -> bytes:
    whole = _TAG.match(data, start)
    return whole["name"] if whole else b""


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > _MAX_BYTES:
        raise SidecarError("is too large for a sidecar. Move it away.")
    return data
