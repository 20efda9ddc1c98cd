"""An open file as an answer, whole or in part (RFC 9110, section 14). Knows no library."""

from __future__ import annotations

import re
import unicodedata
from email.utils import formatdate
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import Response

from search.web.problems import problem

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from search.web.originals import OpenOriginal

    Span: TypeAlias = tuple[int, int]  # the first byte, and the one after the last

_ONE_RANGE = re.compile(r"bytes=\s*([0-9]*)\s*-\s*([0-9]*)\s*", re.IGNORECASE)
_PIECE = 1 << 18


def wanted_span(asked: str, size: int) -> Span | None:
    """Read a Range header; None for one to ignore: several ranges, another unit, nonsense.

    Raises ValueError for a range that the file has nothing of.
    """
    match = _ONE_RANGE.fullmatch(asked)
    if match is None or not any(match.groups()) or max(map(len, match.groups())) > 18:
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise ValueError(asked)
    return start, end


def disposition(name: str, *, inline: bool) -> str:
    """Return a Content-Disposition (RFC 6266) in which no name of a file means anything else."""
    plain = "".join(char for char in name if unicodedata.category(char)[0] != "C")
    plain = plain.replace("/", "_").replace("\\", "_").strip(" .") or "photo"
    fallback = re.sub(r"[^ !#$&+\-.0-9A-Z^_`a-z{}~()]", "_", plain)
    kind = "inline" if inline else "attachment"
    encoded = quote(plain.encode("utf-8", "replace"), safe="")
    return f"{kind}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"


class FileAnswer(Response):
    """Sends a file that is open, or the part that was asked for, and closes it."""

    def __init__(
        self,
        opened: OpenOriginal,
        *,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        super().__init__(None, media_type=media_type)
        self._opened = opened
        self._modified = formatdate(opened.mtime, usegmt=True)
        del self.headers["content-length"]
        self.headers.update(headers)
        self.headers["Accept-Ranges"] = "bytes"
        self.headers["Last-Modified"] = self._modified

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._answer(scope, receive, send)
        finally:
            self._opened.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = self._opened.size
        try:
            span = self._span(Headers(scope=scope))
        except ValueError:
            headers = {"Content-Range": f"bytes */{size}"}
            await problem(416, "range", f"The file has {size:,} bytes.", headers=headers)(
                scope, receive, send
            )
            return
        start, end = span or (0, size)
        self.headers["Content-Length"] = str(end - start)
        if span:
            self.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        status = 206 if span else 200
        await send({"type": "http.response.start", "status": status, "headers": self.raw_headers})
        while start < end and scope["method"] != "HEAD":
            length = min(_PIECE, end - start)
            piece = await to_thread.run_sync(self._opened.read, start, length)
            if not piece:
                raise OSError("a photo's file became shorter while it was sent")
            start += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": start < end})
        if scope["method"] == "HEAD" or not size:
            await send({"type": "http.response.body", "body": b""})

    def _span(self, headers: Headers) -> Span | None:
        asked, unless = headers.get("range"), headers.get("if-range")
        if asked is None or (
            unless is not None and unless not in {self.headers.get("etag"), self._modified}
        ):
            return None
        return wanted_span(asked, self._opened.size)
