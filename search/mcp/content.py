"""Answers as what assistants read: lines of text, links to files, small pictures."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from indexer.terminal import printable
from search.mcp.pictures import MEDIA_TYPE, media_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.mcp.models import Captions, Hit, Model, Photo, Photos, Status
    from search.mcp.pictures import Picture

MOST_BYTES = 600_000  # of an answer's pictures: there are clients that take no more than a million


def answer(value: Model, text: str, *blocks: ContentBlock) -> CallToolResult:
    """Give a value as it is typed, as a text for readers, and what else belongs to it."""
    return CallToolResult(
        content=[TextContent(type="text", text=text), *blocks],
        structured_content=value.model_dump(mode="json", exclude_none=True),
    )


def photos_text(found: Photos) -> str:
    """Return photos that were found as lines."""
    kind = "Photos, best first," if found.is_ranked else f"Of {found.total:,} photos the newest"
    lines = [f"{kind} for: {printable(found.query) or 'all'}"]
    lines += [f"{hit.rank}. {_hit_text(hit)}" for hit in found.photos]
    if found.closest:
        lines = [f"No good match. The closest is {_hit_text(found.closest)}"]
    elif not found.photos:
        lines = ["No photos were found."]
    if found.less_sure:
        lines.append(
            f"Left out for a lower confidence: {found.less_sure}. min_confidence 0 shows them."
        )
    return "\n".join((*lines, *([found.note] if found.note else [])))


def captions_text(found: Captions) -> str:
    """Return a photo's captions as lines."""
    lines = [f"Captions for {_photo_text(found.photo)}"]
    lines += [f"Its own: {_line(text)}" for text in found.own]
    lines += [
        f"{each.rank}. {_line(each.text)} ({_figures(each.score, each.confidence)}; "
        f"of photo {each.photo})"
        for each in found.captions
    ]
    return "\n".join((*lines, *([found.note] if found.note else [])))


def status_text(status: Status) -> str:
    """Return what a library holds as lines."""
    lines = [f"The library at {printable(status.library)} is {status.state}."]
    if status.problem:
        lines.append(printable(status.problem))
    if status.model:
        lines.append(f"Model: {printable(status.model)}")
    if status.photos:
        lines.append(
            f"{status.photos:,} photos ({status.with_date:,} with a date, "
            f"{status.with_position:,} with a position, {status.with_rating:,} with a rating, "
            f"{status.with_keywords:,} with keywords), {status.captions:,} captions."
        )
    if status.skipped:
        lines.append(f"{status.skipped:,} files could not be read.")
    if run := status.indexing:
        lines.append(f"It is being indexed now: {run.stage}, {run.done:,} of {run.total:,}.")
    return "\n".join(lines)


def links(photos: Sequence[Photo]) -> list[ContentBlock]:
    """Return links to the photos' files."""
    return [
        ResourceLink(
            type="resource_link",
            uri=Path(photo.path).as_uri(),
            name=printable(Path(photo.path).name),
            description=f"Photo {photo.id}",
            mime_type=media_type(photo.format),
        )
        for photo in photos
    ]


def pictures(drawn: Iterable[Picture]) -> list[ContentBlock]:
    """Return pictures, each behind a line that says of what, while there is room for them."""
    blocks, room = list[ContentBlock](), MOST_BYTES
    for picture in drawn:
        named = f"Photo {picture.photo.id}, {printable(picture.photo.path.name)}"
        if picture.data is None:
            blocks.append(_text(f"{named}, cannot be shown: {picture.problem}."))
            continue
        data = base64.b64encode(picture.data).decode()
        room -= len(data)
        if room < 0:
            blocks.append(_text("Further pictures would make the answer too large."))
            break
        blocks.append(_text(f"{named}:"))
        blocks.append(ImageContent(type="image", data=data, mime_type=MEDIA_TYPE))
    return blocks


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _hit_text(hit: Hit) -> str:
    told = f'; told by "{_line(hit.told)}"' if hit.told else ""
    same = f"; {len(hit.same)} more show the same" if hit.same else ""
    figures = "" if hit.score is None else f"; {_figures(hit.score, hit.confidence)}"
    return f"{_photo_text(hit.photo)}{figures}{told}{same}"


def _photo_text(photo: Photo) -> str:
    facts = [f"photo {photo.id}"]
    facts += [photo.taken_at.isoformat(" ", "minutes")] if photo.taken_at else []
    facts += [_line(text) for text in (photo.place, photo.title) if text]
    return f"{printable(photo.path)} ({', '.join(facts)})"


def _figures(score: float, confidence: float | None) -> str:
    sure = "" if confidence is None else f", confidence {confidence:.2f}"
    return f"cosine {score:.2f}{sure}"


def _line(text: str) -> str:
    return printable(" ".join(text.split()))
