"""The command as assistants' programs run it: a process that they talk to over its pipes."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import sysconfig
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image

from indexer.sample import sample_folder
from search.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = str(Path(sysconfig.get_path("scripts")) / "sightseek")


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the process says to people."""
    return tmp_path_factory.mktemp("mcp") / "errors"


@pytest.fixture(scope="module")
def assistant(sample_library: Path, errors: Path, connect: Any) -> Iterator[Any]:
    words = ["mcp", "--library", str(sample_library)]
    with errors.open("w") as errlog:
        command = StdioServerParameters(command=COMMAND, args=words, env=dict(os.environ))
        # as the programs that are about speak, and newer ones where the others' tests do
        with connect(stdio_client(command, errlog=errlog), mode="legacy") as connected:
            yield connected


def test_an_assistant_finds_and_sees_photos(assistant: Any) -> None:
    result = assistant.call("search_photos", text="a cat", limit=3, thumbnails=1)
    [best, *_] = result.structured_content["photos"]
    assert Path(best["photo"]["path"]).name.startswith("cat")
    assert best["confidence"] > 0.5
    [image] = [block for block in result.content if block.type == "image"]
    picture = Image.open(BytesIO(base64.b64decode(image.data)))
    assert (image.mime_type, picture.format) == ("image/webp", "WEBP")
    assert max(picture.size) == 320
    large = assistant.read(best["photo"]["picture"])
    assert Image.open(BytesIO(base64.b64decode(large.blob))).size == (451, 300)
    [link] = [block.uri for block in result.content if block.type == "resource_link"]
    file = assistant.read(link)
    assert base64.b64decode(file.blob) == Path(best["photo"]["path"]).read_bytes()


def test_an_assistant_reads_captions_for_a_photo(assistant: Any) -> None:
    photo = str(sample_folder() / "astronaut.jpg")
    found = assistant.ask("photo_captions", path=photo, limit=3)
    assert found["captions"][0]["path"] == photo
    assert found["captions"][0]["text"] in found["own"]
    like = assistant.ask("similar_photos", photo_id=found["photo"]["id"], thumbnails=0)
    assert photo not in {hit["photo"]["path"] for hit in like["photos"]}


def test_a_mistake_is_an_answer_and_the_process_goes_on(assistant: Any, errors: Path) -> None:
    assert "'foo' is no filter" in assistant.refused("search_photos", text="cat foo:bar")
    assert assistant.ask("library_status")["state"] == "ready"
    assert errors.read_text() == ""


def start(library: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    words = [COMMAND, "mcp", "--library", str(library)]
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def say(process: subprocess.Popen[str], method: str, number: int | None, **params: object) -> Any:
    """Send a message, and return the answer of one that has a number."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(message | ({} if number is None else {"id": number})) + "\n")
    process.stdin.flush()
    if number is None:
        return None
    answer = json.loads(process.stdout.readline())
    assert answer["id"] == number
    return answer["result"]


HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def test_the_output_is_the_protocol_alone_and_ends_with_the_input(sample_library: Path) -> None:
    with start(sample_library) as process:
        assert say(process, "initialize", 1, **HELLO)["serverInfo"]["name"] == "sightseek"
        say(process, "notifications/initialized", None)
        asked = {"text": "猫", "thumbnails": 0}
        found = say(process, "tools/call", 2, name="search_photos", arguments=asked)
        assert found["structuredContent"]["query"] == "猫"
        rest, error = process.communicate(timeout=60)
    assert (rest, error, process.returncode) == ("", "", 0)


def test_an_interrupt_ends_it_though_more_may_be_asked(tmp_path: Path) -> None:
    with start(tmp_path / "none") as process:
        say(process, "initialize", 1, **HELLO)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        rest, error = process.communicate()
    assert (rest, error) == ("", "Interrupted.\n")


def test_without_the_extra_one_line_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.split(".")[0] in {"mcp", "mcp_types"}]:
        monkeypatch.delitem(sys.modules, name)
    for name in [each for each in sys.modules if each.startswith("search.mcp.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("mcp", "mcp_types"):
        monkeypatch.setitem(sys.modules, name, None)
    result = CliRunner().invoke(main, ["mcp"])
    assert result.exit_code == 1
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: mcp needs ")
    assert line.endswith("pip install 'sightseek[mcp]'")
