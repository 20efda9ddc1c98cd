"""A photo's file to what a library keeps of it: hash, facts, pixels for a model.

Runs in many threads at once; knows nothing of the catalog.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

from indexer.decode.appearance import read_appearance
from indexer.decode.metadata import Metadata
from indexer.decode.photo import decode, read_photo
from indexer.decode.xmp import read_xmp_file
from indexer.errors import DecodeError, NotAPhotoError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterable
    from concurrent.futures import Future

    from indexer.encoders import Preparation
    from indexer.records import Appearance, Facts, FileStamp, PhotoFile, Pixels

_MOST_WORKERS = 4  # a photo at the pixel cap takes gigabytes while it is decoded


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A photo's XMP sidecar, and what it says beside facts; or why it could not be read."""

    file: FileStamp
    captions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    problem: str | None = None
    lasting: bool = True  # the same bytes will say the same


@dataclass(frozen=True, slots=True)
class Content:
    """What a photo and the metadata beside it give, and pixels as the model wants them."""

    facts: Facts  # where sidecars say something, what they say
    captions: tuple[str, ...]  # embedded in the photo, as the keywords are
    keywords: tuple[str, ...]
    appearance: Appearance
    pixels: Pixels
    sidecars: tuple[Sidecar, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A photo that was read; without content where nothing is left to learn of it."""

    file: PhotoFile
    content_hash: bytes
    content: Content | None


@dataclass(frozen=True, slots=True)
class NoPhoto:
    """A file that is no photo, and whose name does not claim so."""

    file: PhotoFile


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read; `lasting` when the same bytes will fail again."""

    file: PhotoFile
    reason: str
    lasting: bool


Outcome: TypeAlias = Loaded | NoPhoto | Failed


@dataclass(frozen=True, slots=True)
class Settled:
    """The hashes of contents of which nothing is left to learn."""

    encoded: Container[bytes]
    unsettled: Container[bytes]  # of photos that were read in part, or with XMP beside them

    def __contains__(self, content_hash: object) -> bool:
        return content_hash in self.encoded and content_hash not in self.unsettled


@dataclass(frozen=True, slots=True)
class Loader:
    """How to load photos for one model."""

    encoder: Preparation
    max_pixels: int

    def load(self, file: PhotoFile, settled: Container[bytes] = ()) -> Outcome:
        """Read and hash a file, and decode it unless its hash is settled and no XMP lies beside."""
        try:
            data = read_photo(file.path)
            content_hash = hash_content(data)
            if content_hash in settled and not file.metadata:
                return Loaded(file, content_hash, None)
            return Loaded(file, content_hash, self._content(data, file))
        except NotAPhotoError:
            return NoPhoto(file)
        except UnreadableError as error:
            return Failed(file, str(error), lasting=False)
        except DecodeError as error:
            return Failed(file, str(error), lasting=True)

    def load_all(
        self, files: Iterable[PhotoFile], settled: Container[bytes], *, ahead: int
    ) -> Generator[Outcome, None, None]:
        """Load files in order, decoding up to `ahead` of them before they are asked for."""
        workers = min(_MOST_WORKERS, max(2, os.cpu_count() or 2))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        queue: deque[Future[Outcome]] = deque()
        try:
            for file in files:
                queue.append(pool.submit(self.load, file, settled))
                if len(queue) > ahead:
                    yield queue.popleft().result()
            while queue:
                yield queue.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _content(self, data: bytes, file: PhotoFile) -> Content:
        size = self.encoder.image_size
        decoded = decode(data, path=file.path, min_side=size, max_pixels=self.max_pixels)
        facts, sidecars = decoded.facts, list[Sidecar]()
        for stamp in reversed(file.metadata):  # `photo.jpg.xmp` knows better than `photo.xmp`
            metadata, sidecar = _read_sidecar(stamp)
            facts = metadata.over(facts)
            sidecars.append(sidecar)
        return Content(
            facts=facts,
            captions=decoded.captions,
            keywords=decoded.keywords,
            appearance=read_appearance(decoded.image),
            pixels=self.encoder.preprocess(decoded.image),
            sidecars=tuple(sidecars),
        )


def _read_sidecar(stamp: FileStamp) -> tuple[Metadata, Sidecar]:
    try:
        found = read_xmp_file(stamp.path)
    except DecodeError as error:
        lasting = not isinstance(error, UnreadableError)
        return Metadata(), Sidecar(stamp, problem=str(error), lasting=lasting)
    return found, Sidecar(stamp, found.captions, found.keywords)


def hash_content(data: bytes) -> bytes:
    """Hash a file's bytes: BLAKE2b (RFC 7693), 16 bytes."""
    return blake2b(data, digest_size=16).digest()
