"""One file from a URL, whole and verified or not there; goes on where it broke off.

Knows nothing of models or of what a hub is.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.request import Request

from indexer.errors import HubError
from indexer.web import NoAnswerError, answer, in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from indexer.web import Answer

    Progress = Callable[[int, int], None]  # bytes there, bytes in all

TRIES = 3  # in a row that bring nothing

_CHUNK = 1 << 20
_PAUSE = 1.0  # seconds before a broken connection is made anew
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_AGAIN = "Run the same again: it goes on from there."


@dataclass(frozen=True, slots=True)
class Remote:
    """A file as its server describes it."""

    name: str  # for messages
    url: str
    size: int  # bytes
    digest: str  # SHA-256 in hex, or the 40 digits by which git knows small files


def is_digest(text: str) -> bool:
    """Tell whether a file can be verified by that digest."""
    return bool(_DIGEST.fullmatch(text))


def download(
    remote: Remote,
    to: Path,
    *,
    headers: Mapping[str, str],
    silence: float,
    on_progress: Progress | None = None,
    pause: float = _PAUSE,
) -> None:
    """Download a file to the path `to`, which is there only once its digest is right.

    What has come is kept beside it and is not asked for again. A connection that breaks is made
    anew; one that brings nothing for `silence` seconds is given up. Raises HubError.
    """
    beside = to.with_name(f"{to.name}.sightseek.incomplete")
    with _writing(to.parent):
        to.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("a+b") as file:
            kept = _Kept(file, remote)
            kept.catch_up()
            _require_room(to.parent, remote, kept.size)
            _fill(kept, remote, headers, silence=silence, on_progress=on_progress, pause=pause)
            file.flush()
            os.fsync(file.fileno())
        if kept.digest() != remote.digest:
            beside.unlink()
            raise HubError(
                f"What was received as {remote.name} is not that file (another digest), and was "
                "deleted. Run the same again; if it stays so, a proxy in between changes files."
            )
        beside.replace(to)


class _Kept:
    """What has come of a file so far."""

    def __init__(self, file: BinaryIO, remote: Remote) -> None:
        self._file = file
        self._remote = remote
        self._hash = _hash(remote)
        self.size = 0

    def catch_up(self) -> None:
        """Read what an earlier run left."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            self._hash.update(chunk)
            self.size += len(chunk)
        if self.size > self._remote.size:
            self.start_over()

    def start_over(self) -> None:
        self._file.truncate(0)
        self._hash = _hash(self._remote)
        self.size = 0

    def add(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def digest(self) -> str:
        return self._hash.hexdigest()


class _BrokenOffError(Exception):
    """The connection ended before the file did."""


def _fill(
    kept: _Kept,
    remote: Remote,
    headers: Mapping[str, str],
    *,
    silence: float,
    on_progress: Progress | None,
    pause: float,
) -> None:
    fruitless = 0
    _tell(on_progress, kept, remote)
    while kept.size < remote.size:
        before = kept.size
        try:
            with _asked(kept, remote, headers, silence) as response:
                for chunk in _chunks(response, kept, remote, silence):
                    kept.add(chunk)
                    _tell(on_progress, kept, remote)
            if kept.size < remote.size:
                raise _BrokenOffError("the connection was closed")
        except _BrokenOffError as error:
            fruitless = 0 if kept.size > before else fruitless + 1
            if fruitless == TRIES:
                raise HubError(
                    f"{remote.name} broke off after {_share(kept, remote)}: {error}. {_AGAIN}"
                ) from error
            time.sleep(pause)


def _tell(on_progress: Progress | None, kept: _Kept, remote: Remote) -> None:
    if on_progress is not None:
        on_progress(kept.size, remote.size)


def _asked(kept: _Kept, remote: Remote, headers: Mapping[str, str], silence: float) -> Answer:
    """Ask for what is missing; an answer that goes on from what is kept."""
    request = Request(remote.url)  # noqa: S310  (the endpoint is http or https)
    for name, value in headers.items():
        request.add_unredirected_header(name, value)  # a token goes to no other site
    if kept.size:
        request.add_header("Range", f"bytes={kept.size}-")
    try:
        response = answer(request, within=silence, silence=silence)
    except NoAnswerError as error:
        if error.late:
            raise _silent(kept, remote, silence) from error
        raise _BrokenOffError(str(error)) from error
    if response.status == 416 or (response.status == 206 and not _goes_on(response, kept)):
        response.close()
        kept.start_over()
        raise _BrokenOffError("the server has not the rest of it")
    if response.status not in (200, 206):
        response.close()
        raise HubError(
            f"{remote.name} cannot be downloaded: the server answered {response.status} "
            f"{in_one_line(response.reason)}. Try again later."
        )
    if response.status == 200 and kept.size:
        kept.start_over()  # the server knows no ranges
    return response


def _goes_on(response: Answer, kept: _Kept) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {kept.size}-")


def _chunks(response: Answer, kept: _Kept, remote: Remote, silence: float) -> Iterator[bytes]:
    left = response.headers.get("Content-Length")
    if left is not None and left != str(remote.size - kept.size):
        raise _wrong_size(remote)
    while True:
        try:
            chunk = response.read1(_CHUNK)
        except TimeoutError as error:
            raise _silent(kept, remote, silence) from error
        except (OSError, HTTPException) as error:
            raise _BrokenOffError(in_one_line(error)) from error
        if not chunk:
            return
        if kept.size + len(chunk) > remote.size:
            kept.start_over()
            raise _wrong_size(remote)
        yield chunk


def _silent(kept: _Kept, remote: Remote, silence: float) -> HubError:
    return HubError(
        f"{remote.name} stopped coming after {_share(kept, remote)}: nothing for {silence:g} s. "
        f"{_AGAIN}"
    )


def _wrong_size(remote: Remote) -> HubError:
    return HubError(
        f"{remote.name} is not of the size that the hub names, {remote.size:,} bytes. "
        "Try again; if it stays so, a proxy in between changes files."
    )


def _share(kept: _Kept, remote: Remote) -> str:
    return f"{kept.size / 1e6:,.1f} of {remote.size / 1e6:,.1f} MB"


def _hash(remote: Remote) -> hashlib._Hash:
    if len(remote.digest) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % remote.size, usedforsecurity=False)


def _require_room(folder: Path, remote: Remote, kept: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < remote.size - kept:
        raise HubError(
            f"{remote.name} needs {(remote.size - kept) / 1e6:,.0f} MB and {folder} has "
            f"{free / 1e6:,.0f} MB free. Make room, or set HF_HOME to a folder on another disk."
        )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HubError(
                f"The disk is full: {folder} takes no more. Make room and run the same again, or "
                "set HF_HOME to a folder on another disk."
            ) from error
        raise HubError(
            f"{folder} cannot be written: {error.strerror or error}. "
            "Set HF_HOME to a folder that can."
        ) from error
