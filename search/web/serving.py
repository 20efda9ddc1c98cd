"""A socket for the page, and the loop that answers on it. Knows no routes and prints nothing."""

from __future__ import annotations

import errno
import ipaddress
import os
import secrets
import socket
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import uvicorn

from indexer.errors import AddressError, UsageError
from search.web.guard import Door

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event
    from types import FrameType

    from starlette.types import ASGIApp

PORT = 8765
_MORE_PORTS = 20  # that are tried after it
_MOST_CONNECTIONS = 512
_BACKLOG = 256
_GRACE = 3  # seconds that answers have to end in
_IDLE = 15  # seconds that a browser may keep a connection it does not use
_LEAST_TOKEN = 16  # characters: shorter ones can be guessed


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and who is let in."""

    socket: socket.socket
    door: Door
    host: str  # for a browser on this machine, or on others where they reach it

    @property
    def url(self) -> str:
        """The address of the page, with its token."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = "?" + urlencode({"token": self.door.token}) if self.door.token else ""
        return f"http://{host}:{self.socket.getsockname()[1]}/{query}"

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines reach it."""
        return self.door.any_address


def find_place(
    host: str, port: int | None, *, token: str | None = None, names: Sequence[str] = ()
) -> Place:
    """Listen at a host and port; without a port at the usual one, or the next that is free.

    Where other machines reach it, there is a token: the one given, or a new one. Raises UsageError
    and AddressError.
    """
    if token is not None and (len(token) < _LEAST_TOKEN or not token.isprintable()):
        raise UsageError(
            f"A token has at least {_LEAST_TOKEN} characters. Leave --token out to have one made."
        )
    strange = next((name for name in names if not _is_name(name)), None)
    if strange is not None:
        raise UsageError(f"{strange!r} is no host's name. Write it without http:// and port.")
    listening = _listen(host, port)
    bound = ipaddress.ip_address(listening.getsockname()[0].partition("%")[0])
    known = frozenset({"localhost", *(name.lower().removesuffix(".") for name in (host, *names))})
    if bound.is_loopback:
        return Place(listening, Door(known, token=token), host)
    door = Door(known, any_address=True, token=token or secrets.token_urlsafe(32))
    return Place(listening, door, _own_address(bound) if bound.is_unspecified else host)


def run(app: ASGIApp, place: Place, *, stopping: Event, on_start: Callable[[], None]) -> None:
    """Answer until Ctrl-C or SIGTERM, and end what is still answered within seconds."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        lifespan="on",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
    )
    with closing(place.socket), suppress(KeyboardInterrupt):
        # uvicorn raises the signal that ended it again: here that is the way to end
        _Server(config, stopping, on_start).run([place.socket])


class _Server(uvicorn.Server):
    """Tells when it answers, and when it begins to end."""

    def __init__(
        self, config: uvicorn.Config, stopping: Event, on_start: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()  # streams have no end of their own
        super().handle_exit(sig, frame)


def _listen(host: str, port: int | None) -> socket.socket:
    ports = [port] if port is not None else range(PORT, PORT + _MORE_PORTS)
    for each in ports:
        try:
            return _listening(host, each)
        except socket.gaierror as error:
            raise AddressError(f"There is no host {host!r} to listen at. Check --host.") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            reason = os.strerror(error.errno or errno.EIO).lower()
            raise AddressError(
                f"The server cannot listen at {host}, port {each}: {reason}. "
                "Choose others with --host and --port."
            ) from error
    if port is None:
        raise AddressError(
            f"The ports {PORT} to {PORT + _MORE_PORTS - 1} of {host} are all taken. "
            "Choose another with --port."
        )
    raise AddressError(
        f"Port {port} of {host} is taken by another program. Choose another with --port, or leave "
        "it out for one that is free."
    )


def _listening(host: str, port: int) -> socket.socket:
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # with its protocol, by which asyncio knows that answers must not be held back (Nagle): a client
    # that takes its time to acknowledge headers would get each body 40 ms later
    listening = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _own_address(bound: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Find the address by which others reach this machine; nothing is sent to find it."""
    family, elsewhere = (
        (socket.AF_INET, "192.0.2.1") if bound.version == 4 else (socket.AF_INET6, "2001:db8::1")
    )
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))  # documentation's own (RFC 5737, 3849): only a route
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1" if bound.version == 4 else "::1"


def _is_name(name: str) -> bool:
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
    return bool(name) and set(name.lower()) <= allowed
