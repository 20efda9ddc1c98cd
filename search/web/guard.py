"""Who may talk to the server, and what browsers may do with its answers: a wrap around the app.

Against DNS rebinding the Host must be known, against other sites requests must come from the page
itself, against other people they must carry the token. Knows no routes but the page's own.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from dataclasses import dataclass
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from search.web.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_UNUSED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation",
    "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment",
    "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{each}=()" for each in _UNUSED),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
}
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[0-9A-Za-z._-]+))(?::[0-9]{1,5})?")
_PAGE = "/"
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Door:
    """Who is let in. A server that other machines reach has a token."""

    names: frozenset[str] = frozenset({"localhost"})  # that requests may address, lower case
    any_address: bool = False  # or any IP address in digits, beside those of loopback
    token: str | None = None

    def knows(self, host: str) -> bool:
        """Tell whether a Host header names this server.

        A page of a stranger whose name was made to resolve to this machine (DNS rebinding) still
        carries that name; an address in digits needs no resolving, so nobody can make it another.
        """
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["v6"] or match["name"]
        address = _address(name)
        if address is None:
            return match["v6"] is None and name.lower().removesuffix(".") in self.names
        # an address is written as such: [v6] in brackets, v4 without
        if (address.version == 6) != (match["v6"] is not None):
            return False
        return self.any_address or address.is_loopback or str(address) in self.names

    def opens(self, token: str | None) -> bool:
        """Tell whether a token is the right one, in a time that does not tell how much of it is."""
        if self.token is None:
            return True
        typed, wanted = (sha256(each.encode()).digest() for each in (token or "", self.token))
        return hmac.compare_digest(typed, wanted)

    @property
    def cookie(self) -> str:
        """What a browser shows instead of the token: safe in a header, whatever the token is."""
        return hmac.new((self.token or "").encode(), b"sightseek cookie", sha256).hexdigest()

    def opens_with_cookie(self, value: str) -> bool:
        """Tell whether a cookie was made from the right token."""
        return hmac.compare_digest(value.encode(), self.cookie.encode())


class Guard:
    """Lets in what the door does, and says on every answer what a browser may do with it."""

    def __init__(self, app: ASGIApp, *, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the app."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no WebSockets, which know no same origin
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seal(MutableHeaders(scope=message))
            await send(message)

        answer = self._refusal(scope) or self._exchange(scope) or self._without_token(scope)
        await (answer or self._app)(scope, receive, send_sealed)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._door.knows(hosts[0]):
            return problem(
                421,
                "host",
                "This server does not go by the name that was asked for. If it should, start it "
                "with: sightseek serve --allow-host NAME",
            )
        if not _is_own(scope, headers, host=hosts[0]):
            return problem(403, "cross-site", "Only the page of this server may ask it.")
        return None

    def _exchange(self, scope: Scope) -> Response | None:
        """Turn the token of a link into a cookie, and the link into one without it."""
        if scope["path"] != _PAGE or scope["method"] not in _READING:
            return None
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for key, value in asked if key == "token"]
        if not tokens:
            return None
        if not self._door.opens(tokens[-1]):
            return _unknown(scope)
        rest = urlencode([(key, value) for key, value in asked if key != "token"])
        # of this page alone, whatever the path looked like: no //elsewhere
        response = RedirectResponse(_PAGE + (f"?{rest}" if rest else ""), status_code=303)
        response.headers["Cache-Control"] = "no-store"
        if self._door.token is not None:
            response.set_cookie(
                _cookie_name(scope),
                self._door.cookie,
                max_age=400 * 24 * 60 * 60,  # the most that browsers keep one
                path="/",
                httponly=True,
                samesite="strict",
                secure=scope["scheme"] == "https",
            )
        return response

    def _without_token(self, scope: Scope) -> Response | None:
        if self._door.token is None:
            return None
        headers = Headers(scope=scope)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._door.opens(given.strip()):
            return None
        if self._door.opens_with_cookie(_cookie(headers, _cookie_name(scope))):
            return None
        return _unknown(scope)


def seal(headers: MutableHeaders) -> None:
    """Put on an answer what keeps browsers from doing more with it than the page needs."""
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")


def _is_own(scope: Scope, headers: Headers, *, host: str) -> bool:
    """Tell whether a request is not another site's: neither its script's, nor its <img>'s.

    Browsers say so, and programs that are none say nothing. Links to the page may be anywhere.
    """
    site = headers.get("sec-fetch-site", "none")
    is_link = (
        scope["path"] == _PAGE
        and scope["method"] in _READING
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
    if site not in {"same-origin", "none"} and not is_link:
        return False
    origin = headers.get("origin")
    return origin is None or _netloc(origin) == host.lower()


def _netloc(origin: str) -> str | None:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} else None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _cookie_name(scope: Scope) -> str:
    # cookies know no ports: two servers on one machine would take each other's
    server = scope.get("server")
    return f"sightseek-{server[1] if server else 0}"


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _unknown(scope: Scope) -> Response:
    said = "Open the address that sightseek serve printed: the token is in it."
    if scope["path"] == _PAGE:
        response: Response = PlainTextResponse(said + "\n", status_code=401)
    else:
        response = problem(401, "token", said + " Programs send it as Authorization: Bearer TOKEN.")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response
