"""One answer from the web, with a bound on the wait for it. Knows no site and keeps no file."""

from __future__ import annotations

import threading
from http.client import HTTPException
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.client import HTTPMessage, HTTPResponse
    from typing import IO
    from urllib.request import Request

    Answer: TypeAlias = HTTPResponse | HTTPError

_AUTHORIZATION = "Authorization"


class NoAnswerError(Exception):
    """Nothing was answered; `late` where it may only have taken too long."""

    def __init__(self, reason: str, *, late: bool) -> None:
        super().__init__(reason)
        self.late = late


def answer(request: Request, *, within: float, silence: float, final: Sequence[str] = ()) -> Answer:
    """Send an http(s) request and give the answer, whatever its status, once its headers are in.

    Looking up the name, connecting, redirects and headers take `within` seconds at most, and each
    read of the body `silence` seconds. A redirect that has all headers of `final` is the answer
    itself, and one to another site takes no Authorization along. Raises NoAnswerError.
    """
    answers: SimpleQueue[Answer | NoAnswerError] = SimpleQueue()
    given_up = threading.Event()

    def ask() -> None:
        found: Answer
        try:
            found = build_opener(_Redirects(final)).open(request, timeout=silence)
        except HTTPError as error:
            found = error
        except (OSError, ValueError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            late = isinstance(reason, TimeoutError)
            told = f"no answer within {silence:g} s" if late else in_one_line(reason)
            answers.put(NoAnswerError(told, late=late))
            return
        answers.put(found)
        if given_up.is_set():
            found.close()

    # looking up a name knows no time limit: only a thread that is left behind is bounded
    threading.Thread(target=ask, name="web", daemon=True).start()
    try:
        found = answers.get(timeout=within)
    except Empty:
        given_up.set()
        raise NoAnswerError(f"no answer within {within:g} s", late=True) from None
    if isinstance(found, NoAnswerError):
        raise found
    return found


def in_one_line(reason: object) -> str:
    """Put what went wrong in one short line; a server may have written it."""
    words = (isinstance(reason, OSError) and reason.strerror) or str(reason)
    text = "".join(letter if letter.isprintable() else " " for letter in words)
    return " ".join(text.split())[:200].rstrip(".") or type(reason).__name__


class _Redirects(HTTPRedirectHandler):
    def __init__(self, final: Sequence[str]) -> None:
        self._final = final

    def redirect_request(  # noqa: PLR0917
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        if not newurl.lower().startswith(("http://", "https://")):
            raise URLError(f"it redirects to {newurl.partition(':')[0]}:")
        if self._final and all(name in headers for name in self._final):
            return None
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None:
            following.method = req.get_method()  # before 3.13 a HEAD would become a GET
            here, there = urlsplit(req.full_url), urlsplit(newurl)
            same_site = (here.scheme, here.netloc) == (there.scheme, there.netloc)
            if same_site and _AUTHORIZATION in req.unredirected_hdrs:
                token = req.unredirected_hdrs[_AUTHORIZATION]
                following.add_unredirected_header(_AUTHORIZATION, token)
        return following
