"""Files of the Hugging Face hub, in the cache that its other users share. Knows no models.

Speaks the hub's few lines of HTTP itself, since huggingface_hub (2.4) starts a download that broke
off from the beginning, verifies no digest and waits for a name look-up without limit. The cache
folder is laid out as huggingface_hub documents it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from urllib.request import Request

from indexer.encoders.download import Remote, download, is_digest
from indexer.errors import HubError
from indexer.files import replacing
from indexer.web import NoAnswerError, answer, in_one_line

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from filelock import BaseFileLock

    from indexer.encoders.download import Progress
    from indexer.web import Answer

PUBLIC = "https://huggingface.co"
REVISION = "main"

_COMMIT, _DIGEST, _SIZE = "X-Repo-Commit", "X-Linked-ETag", "X-Linked-Size"
_FACTS = (_COMMIT, _DIGEST, _SIZE)  # of a large file, on the redirect to its content
_REPOSITORY = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_COMMIT_ID = re.compile(r"[0-9a-f]{40}")
_TRUE = {"1", "ON", "YES", "TRUE"}  # as huggingface_hub reads its environment
_BUILTIN = "use --model builtin, which needs no network"


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long a server may say nothing, in seconds."""

    answer: float = 5.0  # until it is plain that there is no network
    silence: float = 20.0  # within a download
    pause: float = 1.0  # before a broken connection is made anew


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a repository as the hub describes it now."""

    repository: str
    file: str
    commit: str
    remote: Remote


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub, the folder where its files are kept, and whether it may be asked."""

    endpoint: str
    cache: Path
    offline: bool = False
    patience: Patience = Patience()

    @classmethod
    def from_environment(cls) -> Hub:
        """Read HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE, as huggingface_hub does."""
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = os.environ.get("HF_HOME") or os.path.join(home, "huggingface")  # noqa: PTH118
        cache = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
        offline = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
        return cls(
            endpoint=(os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/"),
            cache=Path(os.path.expandvars(cache or f"{home}/hub")).expanduser(),
            offline=offline.upper() in _TRUE,
        )

    def cached(self, repository: str, file: str) -> Path | None:
        """Find a file in the cache, without asking anyone."""
        folder = self._folder(repository, file)
        try:
            commit = (folder / "refs" / REVISION).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        if not _COMMIT_ID.fullmatch(commit):
            return None
        path = folder / "snapshots" / commit / file
        return path if path.is_file() else None

    def find(self, repository: str, files: Sequence[str]) -> Found:
        """Ask the hub for the first of `files` that the repository has; raises HubError."""
        for file in files:
            if (found := self._described(repository, file)) is not None:
                return found
        raise HubError(
            f"{repository} at {self.endpoint} has no file {' or '.join(files)}. "
            "Check the name of the model."
        )

    def fetch(
        self, repository: str, files: Sequence[str], *, on_progress: Progress | None = None
    ) -> Path:
        """Bring the first of `files` that the repository has into the cache, verified.

        What is in the cache is not asked for. Raises HubError.
        """
        for file in files:
            if (path := self.cached(repository, file)) is not None:
                return path
        return self._bring(self.find(repository, files), on_progress)

    def _bring(self, found: Found, on_progress: Progress | None = None) -> Path:
        folder = self._folder(found.repository, found.file)
        blob = folder / "blobs" / found.remote.digest
        try:
            with self._locked(folder, blob):
                if not blob.is_file():
                    download(
                        found.remote,
                        blob,
                        headers=self._headers(),
                        silence=self.patience.silence,
                        on_progress=on_progress,
                        pause=self.patience.pause,
                    )
                return _linked(folder, found, blob)
        except OSError as error:
            raise HubError(
                f"{folder} cannot be written: {error.strerror or error}. "
                "Set HF_HOME to a folder that can."
            ) from error

    def fetch_folder(
        self, repository: str, files: Sequence[str], *, besides: Sequence[str] = ()
    ) -> Path:
        """Bring those of `files` and `besides` that the repository has into one folder.

        What the repository lacks is remembered as huggingface_hub does, and not asked for again.
        Where the hub cannot be asked, one of `files` has to do. Raises HubError.
        """
        lacking: set[str] = set()
        wanted = (*files, *besides)
        # from the start each time: where the repository changed meanwhile, so has the folder
        while (file := self._first_unknown(repository, wanted, lacking)) is not None:
            try:
                found = self._described(repository, file)
            except HubError:
                if any(self.cached(repository, each) for each in files):
                    break
                raise
            if found is None:
                lacking.add(file)
            else:
                self._bring(found)
        self._remember_lack(repository, lacking)
        for file in files:
            if (path := self.cached(repository, file)) is not None:
                return path.parent
        raise HubError(
            f"{repository} at {self.endpoint} has no file {' or '.join(files)}. "
            "Check the name of the model."
        )

    def _first_unknown(
        self, repository: str, files: Sequence[str], lacking: Container[str]
    ) -> str | None:
        lacks = self._lacks(repository)
        for file in files:
            known = file in lacking or (lacks / file).is_file()
            if not known and self.cached(repository, file) is None:
                return file
        return None

    def _remember_lack(self, repository: str, files: Iterable[str]) -> None:
        lacks = self._lacks(repository)
        if lacks.name == ".no_exist":  # no commit is known
            return
        with contextlib.suppress(OSError):  # it is asked again next time
            for file in files:
                path = lacks / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()

    def _lacks(self, repository: str) -> Path:
        """Give the folder of empty files by the names of those that are not in the repository."""
        folder = self._folder(repository, REVISION)
        try:
            commit = (folder / "refs" / REVISION).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            commit = ""
        return folder / ".no_exist" / commit

    def _described(self, repository: str, file: str) -> Found | None:
        """Ask what a file is; None where the repository has no such file."""
        self._folder(repository, file)
        name = f"{file} of {repository}"
        if self.offline:
            raise HubError(
                f"{name} is not in {self.cache} and HF_HUB_OFFLINE is set. "
                f"Unset it to download, or {_BUILTIN}."
            )
        url = f"{self.endpoint}/{repository}/resolve/{REVISION}/{quote(file)}"
        with self._ask(url, name) as response:
            headers, status = response.headers, response.status or 0
            missing = headers.get("X-Error-Code", "EntryNotFound") == "EntryNotFound"
            if status == 404 and missing:
                return None
            if status >= 400:
                raise self._refused(repository, name, response)
        commit = headers.get(_COMMIT, "")
        digest = headers.get(_DIGEST) or headers.get("ETag") or ""
        digest = digest.removeprefix("W/").strip('"')
        # the length of a redirect is not the file's
        length = headers.get("Content-Length", "") if status == 200 else ""
        size = headers.get(_SIZE) or length
        if not (_COMMIT_ID.fullmatch(commit) and is_digest(digest) and size.isdecimal()):
            raise HubError(
                f"{self.endpoint} does not answer like a Hugging Face hub: it gives no digest of "
                f"{name}. Check HF_ENDPOINT, or sign in to this network first."
            )
        pinned = f"{self.endpoint}/{repository}/resolve/{commit}/{quote(file)}"
        return Found(repository, file, commit, Remote(name, pinned, int(size), digest))

    def _ask(self, url: str, name: str) -> Answer:
        if not self.endpoint.lower().startswith(("http://", "https://")):
            raise HubError(f"HF_ENDPOINT is no URL: {self.endpoint!r}. Correct it or unset it.")
        request = Request(url, method="HEAD")  # noqa: S310
        for header, value in self._headers().items():
            request.add_unredirected_header(header, value)
        patience = self.patience.answer
        try:
            return answer(request, within=patience, silence=patience, final=_FACTS)
        except NoAnswerError as error:
            raise HubError(
                f"{name} cannot be downloaded, since {self.endpoint} cannot be reached ({error}). "
                f"Check the network, or {_BUILTIN}."
            ) from error

    def _refused(self, repository: str, name: str, response: Answer) -> HubError:
        code, status = response.headers.get("X-Error-Code", ""), response.status
        here = f"{self.endpoint}/{repository}"
        if code == "GatedRepo":
            return HubError(
                f"{name} is only for those who accepted its terms. Accept them at {here}, then "
                "run `hf auth login` or set HF_TOKEN."
            )
        if code == "RevisionNotFound":
            return HubError(f"{repository} has no revision {REVISION}. Look at {here}.")
        if code == "RepoNotFound" or status in (401, 403):
            return HubError(
                f"{repository} is not at {self.endpoint}, or not for everyone ({status}). Check "
                "the name; where access is limited, run `hf auth login` or set HF_TOKEN."
            )
        return HubError(
            f"{name} cannot be downloaded: {self.endpoint} answered {status} "
            f"{in_one_line(response.reason)}. Try again later, or {_BUILTIN}."
        )

    def _headers(self) -> dict[str, str]:
        if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in _TRUE:
            return {"User-Agent": "sightseek"}
        prepare_environment()
        from huggingface_hub import get_token

        token = get_token()
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return {"User-Agent": "sightseek", **bearer}

    def _folder(self, repository: str, file: str) -> Path:
        parts = file.split("/")
        if not _REPOSITORY.fullmatch(repository) or not all(parts) or {".", ".."} & {*parts}:
            raise HubError(f"{repository}/{file} is no file of a hub. Check the name of the model.")
        return self.cache / f"models--{repository.replace('/', '--')}"

    def _locked(self, folder: Path, blob: Path) -> BaseFileLock:
        from filelock import FileLock

        # where huggingface_hub locks the same file
        path = self.cache / ".locks" / folder.name / f"{blob.name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)


def prepare_environment() -> None:
    """Set how huggingface_hub behaves where others call it; before its first import.

    transformers fetches tokenizers by itself: no longer than it must, in plain HTTP, quietly.
    """
    for name, value in {
        "HF_HUB_ETAG_TIMEOUT": "5",
        "HF_HUB_DOWNLOAD_TIMEOUT": "20",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_SYMLINKS_WARNING": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }.items():
        os.environ.setdefault(name, value)


def host(endpoint: str) -> str:
    """Shorten an endpoint for a message."""
    return urlsplit(endpoint).netloc or endpoint


def _linked(folder: Path, found: Found, blob: Path) -> Path:
    """Make the blob the revision's file, as huggingface_hub does."""
    path = folder / "snapshots" / found.commit / found.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a link to a blob that is gone
    try:
        path.symlink_to(os.path.relpath(blob, path.parent))
    except OSError:  # Windows without the right to make links
        shutil.move(blob, path)
    ref = folder / "refs" / REVISION
    ref.parent.mkdir(parents=True, exist_ok=True)
    with replacing(ref) as beside:
        beside.write_text(found.commit, "utf-8")
    return path
