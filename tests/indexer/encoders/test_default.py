from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from indexer.encoders.default import PREFERRED, Choice, choose_default
from indexer.encoders.hub import Hub, Patience

if TYPE_CHECKING:
    from pathlib import Path

    from hub import HubSite


@pytest.fixture(autouse=True)
def nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGHTSEEK_MODEL", "HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))


@pytest.fixture
def hub(hub_site: HubSite, tmp_path: Path) -> Hub:
    hub_site.put(PREFERRED.repository, PREFERRED.files[0], b"x" * 3_000_000)
    return Hub(hub_site.url, tmp_path / "cache")


def builtin_since(choice: Choice, why: str) -> bool:
    assert "\n" not in choice.reason
    assert "`sightseek index --model clip`" in choice.reason
    return choice.name == "builtin" and choice.reason.startswith(f"builtin, since {why}")


def test_a_hub_that_has_the_weights_makes_it_clip(hub: Hub, hub_site: HubSite) -> None:
    choice = choose_default(hub=hub)
    assert choice.name == "clip"
    assert "has its weights (3 MB, once); --model builtin" in choice.reason
    assert {method for method, _, _ in hub_site.asked} == {"HEAD"}  # nothing is downloaded


def test_weights_that_are_cached_make_it_clip(hub: Hub, hub_site: HubSite) -> None:
    hub.fetch(PREFERRED.repository, PREFERRED.files)
    hub_site.asked.clear()
    for offline in (False, True):
        choice = choose_default(hub=Hub(hub.endpoint, hub.cache, offline=offline))
        assert choice.name == "clip"
        assert f"its weights are in {hub.cache}" in choice.reason
    assert hub_site.asked == []


def test_offline_it_is_the_bundle_that_ships(hub: Hub, hub_site: HubSite) -> None:
    choice = choose_default(hub=Hub(hub.endpoint, hub.cache, offline=True))
    assert builtin_since(choice, "HF_HUB_OFFLINE is set")
    assert hub_site.asked == []


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_hub_that_refuses_makes_it_the_bundle_that_ships(
    hub: Hub, hub_site: HubSite, status: int
) -> None:
    hub_site.faults.status = status
    assert builtin_since(choose_default(hub=hub), "127.0.0.1")


@pytest.mark.parametrize("fault", ["headers", "look-up"])
def test_a_network_that_hangs_is_not_waited_for(
    hub: Hub, hub_site: HubSite, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    let_go = threading.Event()
    if fault == "headers":
        hub_site.faults.hang_headers = True
    else:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(30) and [])
    started = time.monotonic()
    patience = Patience(answer=0.2)
    assert builtin_since(
        choose_default(hub=Hub(hub.endpoint, hub.cache, patience=patience)), "127.0.0.1"
    )
    assert time.monotonic() - started < 8
    let_go.set()


def test_no_network_makes_it_the_bundle_that_ships(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    choice = choose_default(hub=Hub(f"http://127.0.0.1:{port}", tmp_path))
    assert builtin_since(choice, f"127.0.0.1:{port} does not offer clip now")


def test_a_variable_comes_first(
    hub: Hub, hub_site: HubSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTSEEK_MODEL", "ViT-B-16/openai")
    choice = choose_default(hub=hub)
    assert choice.name == "ViT-B-16/openai"
    assert "SIGHTSEEK_MODEL" in choice.reason
    assert hub_site.asked == []


def test_to_choose_imports_nothing_heavy() -> None:
    code = """
import os, sys
os.environ["HF_HUB_OFFLINE"] = "1"
from indexer.encoders.default import choose_default
choose_default()
print(*{name.split(".")[0] for name in sys.modules})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    heavy = {"torch", "open_clip", "transformers", "huggingface_hub", "numpy", "sqlalchemy"}
    assert not heavy & set(done.stdout.split())
