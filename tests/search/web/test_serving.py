"""Where a server listens, who is let in there, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sysconfig
import threading
import urllib.request
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from indexer.errors import AddressError, UsageError
from indexer.pipeline import index_photos
from search.cli import main
from search.web import serving
from search.web.app import make_app
from search.web.serving import find_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ColourEncoder

    from indexer.library import Library

COMMAND = Path(sysconfig.get_path("scripts")) / "sightseek"


def test_a_server_on_loopback_needs_no_token() -> None:
    with closing(find_place("127.0.0.1", 0).socket) as listening:
        port = listening.getsockname()[1]
    place = find_place("127.0.0.1", 0, names=["Photos.Home."])
    with closing(place.socket):
        assert place.door.token is None
        assert not place.is_open_to_others
        assert place.door.knows("photos.home:443")
        assert not place.door.knows("192.168.1.5")
        assert place.url.startswith("http://127.0.0.1:")
        assert port


def test_a_server_that_others_reach_has_a_token() -> None:
    place = find_place("0.0.0.0", 0)
    with closing(place.socket):
        assert place.is_open_to_others
        assert place.door.token
        assert len(place.door.token) >= 43  # 256 bits
        assert parse_qs(urlsplit(place.url).query) == {"token": [place.door.token]}
        assert urlsplit(place.url).hostname != "0.0.0.0"
        assert place.door.knows("192.168.1.5:80")
        assert not place.door.knows("evil.example")
    other = find_place("0.0.0.0", 0)
    with closing(other.socket):
        assert other.door.token != place.door.token


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_token_may_be_given(host: str) -> None:
    token = "of sixteen & more"
    place = find_place(host, 0, token=token)
    with closing(place.socket):
        assert place.door.token == token
        assert parse_qs(urlsplit(place.url).query) == {"token": [token]}


@pytest.mark.parametrize("token", ["", "short", "fifteen letters", "x" * 20 + "\n"])
def test_a_token_that_can_be_guessed_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="16 characters"):
        find_place("127.0.0.1", 0, token=token)


@pytest.mark.parametrize("name", ["http://photos.home", "photos.home:80", "", "*", "a b"])
def test_a_name_to_allow_is_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        find_place("127.0.0.1", 0, names=[name])


def test_a_port_that_is_taken_is_told_and_without_one_the_next_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressError, match=f"Port {port} .* taken .* --port"):
            find_place("127.0.0.1", port)
        monkeypatch.setattr(serving, "PORT", port)
        place = find_place("127.0.0.1", None)
        with closing(place.socket):
            assert port < place.socket.getsockname()[1] < port + 20
        monkeypatch.setattr(serving, "_MORE_PORTS", 1)
        with pytest.raises(AddressError, match="all taken"):
            find_place("127.0.0.1", None)


def test_answers_are_not_held_back_until_their_headers_are_acknowledged() -> None:
    with closing(find_place("127.0.0.1", 0).socket) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # asyncio sets TCP_NODELAY on no other


def test_a_place_where_nobody_can_listen_is_told() -> None:
    with pytest.raises(AddressError, match=r"198\.51\.100\.77.* --host"):
        find_place("198.51.100.77", 0)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_command_prints_its_address_answers_and_ends_cleanly(tmp_path: Path, name: str) -> None:
    words = [str(COMMAND), "serve", "--port", "0", "--library", str(tmp_path / "none")]
    running = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}api/v1/status", timeout=20) as answer:
            assert json.load(answer)["state"] == "missing"
        # someone still listens, whose stream has no end of its own
        with urllib.request.urlopen(f"{url}api/v1/index/progress", timeout=20) as events:
            assert events.readline() == b"event: progress\n"
            running.send_signal(getattr(signal, name))
            out, err = running.communicate(timeout=20)
    finally:
        running.kill()
    assert (running.returncode, out) == (0, "")
    assert err == f"The library is {tmp_path / 'none'}. Ctrl-C ends the server.\n"


def test_a_server_that_is_stopped_while_its_model_loads_waits_for_it(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> None:
    index_photos(paint(photos / "red.jpg", "red"), library, encoder)
    loading, go_on = Event(), Event()

    def load(_: str) -> ColourEncoder:
        loading.set()
        assert go_on.wait(20)
        return encoder

    with TestClient(make_app(library.path, load), base_url="http://localhost") as client:
        assert loading.wait(20)
        assert client.get("/").status_code == 200  # the page needs no model
        (warming,) = (thread for thread in threading.enumerate() if thread.name == "warm")
    assert warming.is_alive()
    assert not warming.daemon  # a process that ends without it is aborted
    go_on.set()
    warming.join(20)


def test_without_its_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"fastapi": None, "uvicorn": None}
    monkeypatch.setattr("search.web.cli.find_spec", lambda name: found.get(name, name))
    done = CliRunner().invoke(main, ["serve"])
    assert done.exit_code == 1
    assert done.output == (
        "Error: serve needs fastapi, uvicorn. Install them with: pip install 'sightseek[web]'\n"
    )
