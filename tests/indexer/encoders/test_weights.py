from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.encoders.hub import Hub, Patience, prepare_environment
from indexer.encoders.weights import Source, cached, digest, fetch, fetch_file, source_of
from indexer.errors import CheckpointError, HubError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub import HubSite

REPOSITORY = "lab/model"
SAFE, PICKLE = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
SOURCE = Source(REPOSITORY, (SAFE, PICKLE))
CONTENT = bytes(range(256)) * 12_000  # 3 MB


@pytest.fixture(autouse=True)
def no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "digests.json"


@pytest.fixture
def hub(hub_site: HubSite, tmp_path: Path) -> Hub:
    patience = Patience(answer=5, silence=5, pause=0.01)
    return Hub(hub_site.url, tmp_path / "cache", patience=patience)


def impatient(hub: Hub, seconds: float = 0.2) -> Hub:
    return Hub(hub.endpoint, hub.cache, patience=Patience(seconds, seconds, 0.01))


def partials(hub: Hub) -> list[int]:
    return [path.stat().st_size for path in hub.cache.rglob("*.sightseek.incomplete")]


@contextmanager
def refused(*parts: str, within: float = 8.0) -> Iterator[None]:
    """One line that names each part, and before long."""
    started = time.monotonic()
    with pytest.raises(HubError) as caught:
        yield
    assert time.monotonic() - started < within
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert all(part in message for part in parts), message


def test_weights_are_fetched_once(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    assert cached(SOURCE, hub=hub) is None
    assert hub_site.asked == []
    path = fetch(SOURCE, hub=hub, memory=memory)
    assert path.read_bytes() == CONTENT
    assert path.name == SAFE
    asked = len(hub_site.asked)
    assert cached(SOURCE, hub=hub) == path
    assert fetch(SOURCE, hub=hub, memory=memory) == path
    assert len(hub_site.asked) == asked
    assert partials(hub) == []


def test_progress_is_told(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    told: list[tuple[int, int]] = []
    fetch(SOURCE, lambda done, total: told.append((done, total)), hub=hub, memory=memory)
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)
    assert len(told) > 3


def test_the_cache_is_the_one_of_huggingface_hub(
    hub: Hub, hub_site: HubSite, memory: Path, tmp_path: Path
) -> None:
    import huggingface_hub

    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.put(REPOSITORY, "sub/tokenizer_config.json", b"{}")
    path = fetch(SOURCE, hub=hub, memory=memory)
    small = fetch_file(REPOSITORY, "sub/tokenizer_config.json", hub=hub)
    asked = {"cache_dir": hub.cache, "local_files_only": True}
    theirs = huggingface_hub.hf_hub_download(REPOSITORY, SAFE, **asked)
    assert theirs == str(path)
    scanned = huggingface_hub.scan_cache_dir(hub.cache)
    assert not scanned.warnings
    assert {file.file_path for repo in scanned.repos for revision in repo.revisions
            for file in revision.files} == {path, small}  # fmt: skip
    theirs = huggingface_hub.hf_hub_download(
        REPOSITORY, SAFE, cache_dir=tmp_path / "theirs", endpoint=hub_site.url
    )
    assert cached(SOURCE, hub=Hub(hub_site.url, tmp_path / "theirs")) == Path(theirs)


def test_the_environment_is_read_as_huggingface_hub_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: list[dict[str, str]] = [
        {},
        {"HF_ENDPOINT": "https://mirror.example/", "HF_HOME": str(tmp_path)},
        {"XDG_CACHE_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        {"HF_HUB_CACHE": "~/here", "TRANSFORMERS_OFFLINE": "yes"},
        {"HUGGINGFACE_HUB_CACHE": "$HOME/there", "HF_HUB_OFFLINE": "0"},
    ]
    names = {name for each in settings for name in each}
    clean = {name: value for name, value in os.environ.items() if name not in names}
    code = "from huggingface_hub.constants import *\nprint(ENDPOINT, HF_HUB_CACHE, HF_HUB_OFFLINE)"
    for setting in settings:
        done = subprocess.run(
            [sys.executable, "-c", code], env=clean | setting, capture_output=True, check=True
        )
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name, value in setting.items():
            monkeypatch.setenv(name, value)
        mine = Hub.from_environment()
        assert f"{mine.endpoint} {mine.cache} {mine.offline}" == done.stdout.decode().strip()


def test_safetensors_are_taken_before_pickles(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, PICKLE, b"pickle")
    old = fetch(SOURCE, hub=hub, memory=memory)
    assert old.name == PICKLE
    assert cached(SOURCE, hub=hub) == old  # not fetched again though there may be a better one
    shutil.rmtree(hub.cache)
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    assert fetch(SOURCE, hub=hub, memory=memory).name == SAFE


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 70_000])
def test_a_small_file_is_verified_by_the_digest_of_git(
    hub: Hub, hub_site: HubSite, content: bytes
) -> None:
    hub_site.put(REPOSITORY, "config.json", content)
    assert fetch_file(REPOSITORY, "config.json", hub=hub).read_bytes() == content
    hub_site.put(REPOSITORY, "other.json", content)
    hub_site.faults.digest = "0" * 40
    with refused("not that file"):
        fetch_file(REPOSITORY, "other.json", hub=hub)


def test_what_broke_off_is_gone_on_with(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.cut_after = 1_000_000
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT
    assert hub_site.ranges() == [None, "bytes=1000000-"]


def test_a_connection_that_breaks_again_and_again_gets_there(
    hub: Hub, hub_site: HubSite, memory: Path
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.cut_after, hub_site.faults.cuts = 300_000, 100
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT
    assert len(hub_site.ranges()) == 11


def test_a_connection_that_brings_nothing_is_given_up(
    hub: Hub, hub_site: HubSite, memory: Path
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.cut_after, hub_site.faults.cuts = 0, 100
    with refused(SAFE, "broke off after 0.0 of 3.1 MB", "Run the same again"):
        fetch(SOURCE, hub=hub, memory=memory)
    assert len(hub_site.ranges()) == 3


def test_a_later_run_asks_for_the_rest_alone(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.hang_body_after = 2_000_000
    with refused(SAFE, "stopped coming after 2.0 of 3.1 MB: nothing for 0.2 s", "goes on"):
        fetch(SOURCE, hub=impatient(hub), memory=memory)
    assert cached(SOURCE, hub=hub) is None
    assert partials(hub) == [2_000_000]
    hub_site.faults.hang_body_after = None
    told: list[int] = []
    path = fetch(SOURCE, lambda done, _: told.append(done), hub=hub, memory=memory)
    assert path.read_bytes() == CONTENT
    assert hub_site.ranges() == [None, "bytes=2000000-"]
    assert told[0] == 2_000_000


def test_a_run_that_was_killed_is_gone_on_with(
    hub: Hub, hub_site: HubSite, memory: Path, tmp_path: Path
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.hang_body_after = 1_500_000
    code = f"""
from pathlib import Path
from indexer.encoders.hub import Hub
from indexer.encoders.weights import Source, fetch
hub = Hub({hub.endpoint!r}, Path({str(hub.cache)!r}))
fetch(Source({REPOSITORY!r}, ({SAFE!r},)), hub=hub, memory=Path({str(memory)!r}))
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    for _ in range(1000):
        if sum(partials(hub)) > 1_000_000:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    hub_site.faults.hang_body_after = None
    kept = sum(partials(hub))
    assert kept > 1_000_000
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT
    assert hub_site.ranges() == [None, f"bytes={kept}-"]


def test_a_server_without_ranges_starts_over(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.cut_after, hub_site.faults.no_ranges = 1_000_000, True
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"more", b"x" * 100])
def test_what_another_run_left_is_not_trusted(
    hub: Hub, hub_site: HubSite, memory: Path, left: bytes
) -> None:
    sha = hub_site.put(REPOSITORY, SAFE, CONTENT)
    blobs = hub.cache / "models--lab--model" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{sha}.sightseek.incomplete").write_bytes(left)
    if left.startswith(b"x"):
        with refused("another digest"):
            fetch(SOURCE, hub=hub, memory=memory)
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT


def test_two_at_once_download_once(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    threads = [
        threading.Thread(target=fetch, args=(SOURCE,), kwargs={"hub": hub, "memory": memory})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hub_site.ranges()) == 1
    assert cached(SOURCE, hub=hub).read_bytes() == CONTENT


def test_a_wrong_digest_is_refused_and_nothing_kept(
    hub: Hub, hub_site: HubSite, memory: Path
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.corrupt = True
    with refused(SAFE, "another digest", "deleted"):
        fetch(SOURCE, hub=hub, memory=memory)
    assert cached(SOURCE, hub=hub) is None
    assert not [path for path in hub.cache.rglob("blobs/*") if path.is_file()]
    hub_site.faults.corrupt = False
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_wrong_size_is_refused(hub: Hub, hub_site: HubSite, memory: Path, size: int) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.size = size
    with refused(SAFE, "not of the size"):
        fetch(SOURCE, hub=hub, memory=memory)
    assert cached(SOURCE, hub=hub) is None


@pytest.mark.parametrize("digest", ["", "abc", "../" * 10 + "x", "g" * 64])
def test_what_cannot_be_verified_is_refused(
    hub: Hub, hub_site: HubSite, memory: Path, digest: str
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.digest = digest
    if not digest:
        hub_site.faults.no_hub = True
    with refused("does not answer like a Hugging Face hub"):
        fetch(SOURCE, hub=hub, memory=memory)


def test_a_file_that_is_not_there_is_named(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, "README.md", b"")
    with refused(f"{REPOSITORY} at {hub.endpoint} has no file {SAFE} or {PICKLE}"):
        fetch(SOURCE, hub=hub, memory=memory)


def test_a_repository_that_is_not_there_is_named(hub: Hub, memory: Path) -> None:
    with refused(f"lab/model is not at {hub.endpoint}", "(401)", "hf auth login"):
        fetch(SOURCE, hub=hub, memory=memory)


@pytest.mark.parametrize(
    ("status", "code", "parts"),
    [
        (404, "RepoNotFound", ("lab/model is not at", "Check the name")),
        (404, "RevisionNotFound", ("no revision main",)),
        (404, "", ("has no file",)),
        (401, "GatedRepo", ("accepted its terms", "/lab/model", "hf auth login")),
        (403, "GatedRepo", ("accepted its terms", "HF_TOKEN")),
        (401, "", ("lab/model is not at", "HF_TOKEN")),
        (403, "", ("not for everyone (403)",)),
        (429, "", ("answered 429 Too Many Requests", "Try again later")),
        (500, "", ("answered 500 Internal Server Error", "--model builtin")),
        (503, "", ("answered 503", "Try again later")),
    ],
)
def test_a_refusal_is_explained(
    hub: Hub, hub_site: HubSite, memory: Path, status: int, code: str, parts: tuple[str, ...]
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.status, hub_site.faults.code = status, code
    with refused(*parts):
        fetch(SOURCE, hub=hub, memory=memory)


def test_a_refused_download_is_explained(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.body_status = 503
    with refused(SAFE, "answered 503"):
        fetch(SOURCE, hub=hub, memory=memory)


def test_a_hub_that_says_nothing_is_given_up(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.faults.hang_headers = True
    with refused(hub.endpoint, "no answer within 0.2 s", "--model builtin"):
        fetch(SOURCE, hub=impatient(hub), memory=memory)


def test_a_name_look_up_that_hangs_is_given_up(
    hub: Hub, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(30) and [])
    with refused("cannot be reached (no answer within 0.2 s)"):
        fetch(SOURCE, hub=impatient(hub), memory=memory)
    let_go.set()


def test_no_network_is_said_at_once(tmp_path: Path, memory: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    with refused(f"http://127.0.0.1:{port} cannot be reached", "refused", "Check the network"):
        fetch(SOURCE, hub=Hub(f"http://127.0.0.1:{port}", tmp_path), memory=memory)
    with refused("http://no.such.host.invalid cannot be reached"):
        fetch(SOURCE, hub=Hub("http://no.such.host.invalid", tmp_path), memory=memory)
    with refused("HF_ENDPOINT is no URL: 'mirror.example'"):
        fetch(SOURCE, hub=Hub("mirror.example", tmp_path), memory=memory)


def test_offline_means_that_nobody_is_asked(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    offline = Hub(hub.endpoint, hub.cache, offline=True)
    with refused(str(hub.cache), "HF_HUB_OFFLINE is set"):
        fetch(SOURCE, hub=offline, memory=memory)
    assert hub_site.asked == []
    path = fetch(SOURCE, hub=hub, memory=memory)
    assert fetch(SOURCE, hub=offline, memory=memory) == path


def test_a_token_goes_to_the_hub_and_to_nobody_else(
    hub: Hub, hub_site: HubSite, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(SOURCE, hub=hub, memory=memory)
    tokens = {
        path.startswith("/cdn/"): headers.get("Authorization")
        for _, path, headers in hub_site.asked
    }
    assert tokens == {False: "Bearer hf_secret", True: None}
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    hub_site.asked.clear()
    hub.find(REPOSITORY, (SAFE,))
    assert "Authorization" not in hub_site.asked[0][2]


def test_a_full_disk_is_said_before_and_while(
    hub: Hub, hub_site: HubSite, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    disk = shutil.disk_usage("/")
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with refused("The disk is full", "Make room and run the same again", "HF_HOME"):
            fetch(SOURCE, hub=hub, memory=memory)
    assert cached(SOURCE, hub=hub) is None
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: type(disk)(10, 9, 1))
        hub_site.put(REPOSITORY, SAFE, CONTENT * 2)
        with refused("needs 6 MB", "has 0 MB free", "HF_HOME"):
            fetch(SOURCE, hub=hub, memory=memory)
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT * 2


def test_a_cache_that_cannot_be_written_is_named(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub.cache.write_bytes(b"a file where the folder should be")
    with refused(str(hub.cache), "cannot be written", "HF_HOME"):
        fetch(SOURCE, hub=hub, memory=memory)


@pytest.mark.parametrize(
    ("repository", "file"),
    [("../x/y", "f"), ("a/b/c", "f"), ("a/b", "../f"), ("a/b", "/f"), ("a/b", "x/./f"), ("", "f")],
)
def test_no_name_leads_out_of_the_cache(hub: Hub, repository: str, file: str) -> None:
    with refused("is no file of a hub"):
        fetch_file(repository, file, hub=hub)


def test_a_renamed_repository_is_followed(hub: Hub, hub_site: HubSite) -> None:
    hub_site.put("new/name", "config.json", b"{}")
    hub_site.moved["old"] = "new/name"
    assert fetch_file("old", "config.json", hub=hub).read_bytes() == b"{}"


def test_a_mirror_may_keep_the_content_itself(hub: Hub, hub_site: HubSite, memory: Path) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    hub_site.faults.same_site = True
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT


def test_a_digest_is_computed_once(tmp_path: Path, memory: Path) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    assert digest(path, memory=memory) == right
    known = json.loads(memory.read_bytes())
    known[str(path)][2] = "remembered"
    memory.write_text(json.dumps(known))
    assert digest(path, memory=memory) == "remembered"
    path.write_bytes(b"other weights")
    os.utime(path, ns=(1, 1))
    assert digest(path, memory=memory) == hashlib.sha256(b"other weights").hexdigest()
    for damaged in (b"", b"[1]", b'{"x": 3}', b"\xff\0"):
        memory.write_bytes(damaged)
        assert digest(path, memory=memory) == hashlib.sha256(b"other weights").hexdigest()
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        digest(path, memory=memory)


def test_a_digest_needs_no_place_to_remember(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(b"weights")
    assert digest(path, memory=path / "nowhere" / "digests.json")


def test_cached_weights_that_were_damaged_are_deleted(
    hub: Hub, hub_site: HubSite, memory: Path
) -> None:
    hub_site.put(REPOSITORY, SAFE, CONTENT)
    path = hub.fetch(REPOSITORY, (SAFE,))
    path.resolve().write_bytes(CONTENT[:-1] + b"x")
    with refused(SAFE, "damaged since it was downloaded"):
        fetch(SOURCE, hub=hub, memory=memory)
    assert cached(SOURCE, hub=hub) is None
    assert fetch(SOURCE, hub=hub, memory=memory).read_bytes() == CONTENT


def test_a_source_is_where_open_clip_would_look() -> None:
    from open_clip.pretrained import _get_safe_alternatives

    assert source_of("ViT-B-32-256", "datacomp_s34b_b86k").repository == (
        "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"
    )
    source = source_of("ViT-B-32", "openai")
    assert source.files == (*_get_safe_alternatives(PICKLE), PICKLE)
    source = source_of("ViTamin-S", "datacomp1b")
    assert source == Source(
        "jienengchen/ViTamin-S", ("pytorch_model.safetensors", "pytorch_model.bin")
    )


def test_open_clip_keeps_all_its_weights_on_the_hub() -> None:
    import open_clip

    for architecture, tag in open_clip.list_pretrained():
        assert source_of(architecture, tag).repository.count("/") == 1


def test_what_others_fetch_keeps_to_the_same_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "7")
    monkeypatch.delenv("HF_HUB_DISABLE_XET", raising=False)
    prepare_environment()
    assert os.environ["HF_HUB_ETAG_TIMEOUT"] == "7"
    assert os.environ["HF_HUB_DISABLE_XET"] == "1"
