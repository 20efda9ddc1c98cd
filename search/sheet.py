"""Results as one page that asks nothing of a network: pictures, scores, captions, links to files.

Whatever comes from files or was typed is text on it, never markup. Opens and writes nothing.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from functools import partial
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.decode.thumbnail import Thumbnail
from indexer.files import absolute
from indexer.terminal import printable
from search.rendering import note_lines
from search.thumbnails import Drawn, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from search.query import Query
    from search.results import Hit, Results
    from search.terms import Term
    from search.thumbnails import Picture

_BOX = (480, 360)  # pixels of a picture: twice what the page gives it, for screens that show them
_ASKED_BOX = (240, 180)
_MOST_CLOSEST = 4

# Content Security Policy Level 3: whatever is on the page, nothing is fetched, sent or run
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
_JOINERS = frozenset("\u200c\u200d")  # unseen, but Persian and emoji are spelt with them


def contact_sheet(results: Results, *, max_pixels: int) -> Iterator[str]:
    """Yield the page of what was found, reading each photo's file as its turn comes."""
    jpegs = partial(draw, write=Thumbnail.jpeg, max_pixels=max_pixels)
    shown = (hit.photo.path for hit in results.hits or closest(results))
    asked = (absolute(term.value) for term in _asked(results))
    return page(results, jpegs(shown, _BOX), asked=jpegs(asked, _ASKED_BOX))


def page(
    results: Results, pictures: Iterable[Picture], *, asked: Iterable[Picture] = ()
) -> Iterator[str]:
    """Yield the page piece by piece.

    `pictures` are JPEGs of the photos of the hits, or of the closest where none is good, in their
    order, and `asked` those of the photos that were searched by.
    """
    query = _text(str(_named(results.query)))
    style = files("search").joinpath("sheet.css").read_text("utf-8")
    count = len(results.hits)
    found = f"{count:,} {results.query.target if count != 1 else results.query.target[:-1]}"
    yield f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{query} - sightseek</title>
<style>
{style}</style>
</head>
<body>
<header>
<small>Contact sheet</small>
<h1 dir="auto">{query}</h1>
<p>{found}, by {_text(results.model)}</p>
"""
    yield from (f"<p>{_text(line)}</p>\n" for line in note_lines(results))
    for term, picture in zip(_asked(results), asked, strict=False):
        if isinstance(picture, Drawn):  # it was read a moment ago
            kind = "for" if term.weight > 0 else "against"
            alt = _text(f"Searched {kind}: {Path(term.value).name}")
            yield _image(picture, alt=alt, kind=kind)
    yield """</header>
<main>
<ol class="hits">
"""
    if not results.hits:
        yield f'<li class="none">No good match{". The closest:" if results.rest else ""}</li>\n'
    for hit, picture in zip(results.hits or closest(results), pictures, strict=True):
        yield _card(hit, picture)
    yield """</ol>
</main>
<footer>Made by sightseek. The pictures are in this file; its links open the photos themselves, on
the machine that has them.</footer>
</body>
</html>
"""


def closest(results: Results) -> list[Hit]:
    """Return the surest of hits that are not sure enough."""
    return sorted(results.rest, key=lambda hit: -(hit.confidence or 0))[:_MOST_CLOSEST]


def _named(query: Query) -> Query:
    """Return a query to be read, not run: photos by their names alone."""
    terms = (
        replace(term, value=Path(term.value).name) if term.kind == "photo" else term
        for term in query.terms
    )
    return replace(query, terms=tuple(terms))


def _asked(results: Results) -> list[Term]:
    return [term for term in results.query.terms if term.kind == "photo"]


def _card(hit: Hit, picture: Picture) -> str:
    link = escape(hit.photo.path.as_uri())
    caption = hit.told
    told = [f'<p class="place">{"".join(_place(hit))}</p>']
    if caption:
        told.append(f'<p class="caption" dir="auto">{_text(caption)}</p>')
    folder, name = _text(str(hit.photo.path.parent)), _text(hit.photo.path.name)
    told += [
        f'<p class="path"><a href="{link}"><b><bdi>{name}</bdi></b>'
        f'<span class="folder"><bdi>{folder}</bdi></span></a></p>',
        f'<p class="facts">{" &middot; ".join(map(_text, _facts(hit)))}</p>',
    ]
    if chips := "".join(_chips(hit)):
        told.append(f'<p class="chips">{chips}</p>')
    lines = "\n".join(told)
    shown = _shown(picture, link, alt=_text(caption or f"Photo {hit.photo.path.name}"))
    return f'<li class="hit">\n{shown}\n<div class="told">\n{lines}\n</div>\n</li>\n'


def _shown(picture: Picture, link: str, *, alt: str) -> str:
    if not isinstance(picture, Drawn):
        return f'<p class="picture missing"><span>{_text(picture.reason)}</span></p>'
    return f'<a class="picture" href="{link}">{_image(picture, alt=alt, kind="found")}</a>'


def _image(picture: Drawn, *, alt: str, kind: str) -> str:
    data = b64encode(picture.data).decode()
    return (
        f'<img class="{kind}" src="data:image/jpeg;base64,{data}" alt="{alt}" '
        f'width="{picture.width}" height="{picture.height}">'
    )


def _place(hit: Hit) -> Iterator[str]:
    yield f'<span class="rank">{hit.rank}</span>'
    if hit.confidence is not None:
        share = f"{hit.confidence:.0%}"
        yield f'<span class="meter"><i style="width:{share}"></i></span>'
        yield f'<span class="sure" title="confidence">{share}</span>'
    yield f'<span class="score" title="cosine">{hit.score:.4f}</span>'


def _chips(hit: Hit) -> Iterator[str]:
    """Yield by what a hit was found, and how many more show the same."""
    for found in hit.found_by:
        place = f"place {found.rank} by {found.channel}"
        yield f'<span class="chip" title="{place}">{found.channel}</span>'
    if hit.like:
        names = _text(", ".join(each.hit.photo.path.name for each in hit.like))
        yield f'<span class="chip" title="{names}">+{len(hit.like):,} like it</span>'


def _facts(hit: Hit) -> Iterator[str]:
    facts = hit.photo.facts
    if facts.taken_at is not None:
        yield f"{facts.taken_at:%Y-%m-%d %H:%M}"
    if facts.camera:
        yield facts.camera
    yield f"{facts.width} \u00d7 {facts.height}"
    if hit.like:
        yield f"+{len(hit.like):,} like it"
    yield f"id {hit.photo.id}"  # what --like and --unlike take


def _text(value: str) -> str:
    """Make text of what may hold markup, quotes, controls and marks that turn the direction."""
    shown = "".join(char if char in _JOINERS else printable(char) for char in value)
    return escape(shown)
