"""One photo from the web, within limits of time and size. Knows nothing of what it holds."""

from __future__ import annotations

import time
from http.client import HTTPException
from queue import Empty, SimpleQueue
from string import punctuation
from threading import Thread
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from indexer.errors import FetchError
from indexer.web import in_one_line

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from typing import IO

MAX_BYTES = 64 << 20
MAX_SECONDS = 30.0

_CONNECT_SECONDS = 10.0  # for the connection, and for each wait on it
_CHUNK = 64 << 10
_HEADERS = {"User-Agent": "sightseek", "Accept": "image/*"}
_BY_HAND = "Download it and search by the file."


def fetch(url: str, *, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS) -> bytes:
    """Read an http(s) URL, following redirects to http(s) alone.

    Raises FetchError when it cannot be read, is larger than `max_bytes`, or takes longer than
    `max_seconds`.
    """
    if not _is_web(url):
        raise FetchError(f"{url} is not an http or https URL. Check it.")
    answers: SimpleQueue[bytes | FetchError] = SimpleQueue()
    deadline = time.monotonic() + max_seconds

    def read() -> None:
        try:
            answers.put(_read(url, max_bytes, deadline))
        except FetchError as error:
            answers.put(error)

    # a server may drip for ever wherever it likes: only a thread that is left behind is bounded
    Thread(target=read, name="fetch", daemon=True).start()
    late = FetchError(f"{url} takes longer than {max_seconds:g} s. {_BY_HAND}")
    try:
        answer = answers.get(timeout=max_seconds)
    except Empty:
        raise late from None
    if isinstance(answer, FetchError):  # the thread may say first that time is over, and otherwise
        raise late if time.monotonic() > deadline else answer
    return answer


def _read(url: str, max_bytes: int, deadline: float) -> bytes:
    too_large = FetchError(f"{url} is larger than {max_bytes / 2**20:.3g} MiB. {_BY_HAND}")
    try:
        request = Request(_in_ascii(url), headers=_HEADERS)  # noqa: S310  (http and https alone)
        with build_opener(_WebOnly(deadline)).open(request, timeout=_CONNECT_SECONDS) as response:
            if (response.length or 0) > max_bytes:
                raise too_large
            parts = bytearray()
            while chunk := response.read1(_CHUNK):
                parts += chunk
                if len(parts) > max_bytes:
                    raise too_large
                if time.monotonic() > deadline:
                    raise FetchError(f"{url} takes too long. {_BY_HAND}")
            return bytes(parts)
    except HTTPError as error:
        fact = f"answered {error.code} {in_one_line(error.reason)}"
        raise FetchError(f"{url} {fact}. Check the URL.") from error
    except URLError as error:
        fact = f"cannot be reached: {in_one_line(error.reason)}"
        raise FetchError(f"{url} {fact}. Check the URL.") from error
    except (OSError, ValueError, HTTPException) as error:
        fact = f"cannot be read: {in_one_line(error)}"
        raise FetchError(f"{url} {fact}. Check the URL.") from error


class _WebOnly(HTTPRedirectHandler):
    """Refuses redirects away from the web, and those that come too late."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def redirect_request(  # noqa: PLR0917
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        if time.monotonic() > self._deadline:
            raise URLError("it redirects for too long")
        if not _is_web(newurl):
            raise URLError(f"it redirects to {newurl.partition(':')[0]}:")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _in_ascii(url: str) -> str:
    """Escape the letters of path and query that a request cannot carry as they are (RFC 3987)."""
    parts = urlsplit(url)
    path, query = (quote(part, safe=punctuation) for part in (parts.path, parts.query))
    return urlunsplit(parts._replace(path=path, query=query, fragment=""))


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))
