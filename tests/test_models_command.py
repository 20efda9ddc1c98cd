"""Models by name, as a user meets them: listed, chosen for a new library, refused, fetched."""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from click.testing import CliRunner

from indexer.encoders.presets import PRESETS, preset_called
from indexer.sample import sample_folder
from search.cli import main

if TYPE_CHECKING:
    from hub import HubSite

COMMAND = Path(sys.executable).with_name("sightseek")
CAT = sample_folder() / "cat.jpg"


@pytest.fixture
def home(tmp_path: Path, builtin_known: Path) -> dict[str, str]:
    """The environment of someone who has no model but the built-in one, which was used before."""
    shutil.copytree(builtin_known, tmp_path / "cache" / "sightseek" / "backgrounds")
    return {
        "HF_HOME": str(tmp_path / "hf"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "SIGHTSEEK_LIBRARY": str(tmp_path / "library"),
    }


class Done(NamedTuple):
    """What a command said."""

    stdout: str
    stderr: str


def run(*words: object, env: dict[str, str], code: int = 0) -> Done:
    """Run a command in this process, which has imported all that it needs."""
    done = CliRunner().invoke(main, [*map(str, words)], env=env)
    gc.unfreeze()  # what a command leaves to the end of its process
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, (done.stdout, done.stderr)
    return Done(done.stdout, done.stderr)


def spawn(*words: object, env: dict[str, str], code: int = 0) -> Done:
    """Run the installed command in a process of its own, which asks anew where the hub is."""
    done = subprocess.run(
        [str(COMMAND), *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **env},
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return Done(done.stdout, done.stderr)


def model_of(home: dict[str, str]) -> str:
    return json.loads(run("status", "--json", env=home).stdout)["spaces"][0]["model"]


def test_models_lists_what_has_a_name_and_where_it_is(home: dict[str, str]) -> None:
    models = {each["name"]: each for each in json.loads(spawn("models", "--json", env=home).stdout)}
    assert list(models) == ["builtin", *(preset.name for preset in PRESETS)]
    assert 1e6 < models["builtin"]["bytes"] < 60e6
    assert models["clip"]["download_bytes"] == 605_000_000
    for name, model in models.items():
        assert model["licence"]
        assert model["dim"] >= 512
        assert (model["bundle"] is not None) == (name == "builtin")
    lines = run("models", env=home).stdout
    assert "not here yet, 605 MB to download" in lines
    assert "here: bundle of 58.3 MB" in lines


def test_models_tells_the_speed_of_the_last_long_run(home: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    content = CAT.read_bytes()
    for number in range(60):
        (folder / f"{number}.jpg").write_bytes(content + bytes([number]))
    run("index", folder, "--model", "builtin", env=home)
    [builtin, *_] = json.loads(run("models", "--json", env=home).stdout)
    assert builtin["images_per_second"]["cpu"] > 0
    assert "images/s on cpu" in run("models", env=home).stdout


def test_a_new_library_says_which_model_it_gets_and_how_to_have_another(
    home: dict[str, str],
) -> None:
    [line] = spawn("index", CAT, env=home).stderr.splitlines()
    assert line.startswith("The model of this library is builtin, since HF_HUB_OFFLINE is set; ")
    assert line.endswith("`sightseek index --model clip` changes to one that finds more, later.")
    assert model_of(home) == "builtin"
    assert run("index", CAT, env=home).stderr == ""  # it is settled
    assert run("search", "a cat", env=home).stderr == ""


def test_a_new_library_without_a_network_gets_the_built_in_model(home: dict[str, str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    env = home | {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": nowhere}
    [line] = spawn("index", CAT, env=env).stderr.splitlines()
    assert "is builtin, since 127.0.0.1" in line
    assert model_of(home) == "builtin"


def test_a_download_that_ends_badly_leaves_the_built_in_model(
    home: dict[str, str], hub_site: HubSite
) -> None:
    clip = preset_called("clip")
    assert clip is not None
    hub_site.put(clip.repository, clip.files[0], b"x" * 100_000)
    hub_site.faults.corrupt = True
    env = home | {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": hub_site.url}
    first, second = spawn("index", CAT, env=env).stderr.splitlines()
    assert "is clip, since 127.0.0.1" in first
    assert "is builtin, since clip could not be fetched: " in second
    assert model_of(home) == "builtin"


def test_weights_that_are_none_are_told_so_and_leave_no_library(
    home: dict[str, str], hub_site: HubSite
) -> None:
    clip = preset_called("clip")
    assert clip is not None
    hub_site.put(clip.repository, clip.files[0], b"x" * 100_000)
    env = home | {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": hub_site.url}
    done = spawn("index", CAT, "--model", "clip", "-q", env=env, code=1)
    assert "is neither safetensors nor a torch checkpoint" in done.stderr
    assert not Path(home["SIGHTSEEK_LIBRARY"]).exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("index", CAT, "--model", "klip"), "Did you mean clip"),
        (("index", CAT, "--model", "clip"), "HF_HUB_OFFLINE is set"),
        (("index", CAT, "--model", "ViT-B-32/openay"), "open_clip has no weights 'openay'"),
        (("models", "export", "/nowhere"), "There is no file or folder /nowhere"),
    ],
)
def test_a_model_that_cannot_be_had_is_one_line(
    words: tuple[object, ...], told: str, home: dict[str, str]
) -> None:
    done = run(*words, env=home, code=1)
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_wrong_usage_of_models(home: dict[str, str], tmp_path: Path) -> None:
    assert "is a bundle already" in run("models", "export", "builtin", env=home, code=2).stderr
    done = run("models", "export", "clip", "-o", tmp_path, env=home, code=2)
    assert "is there already" in done.stderr
    done = run("index", CAT, "--model", "builtin", "--device", "cuda", env=home, code=2)
    assert "bundles run on the CPU" in done.stderr


def test_doctor_fetches_nothing_for_a_library_whose_model_is_gone(
    home: dict[str, str], tmp_path: Path
) -> None:
    from indexer import Library
    from indexer.records import Space

    with Library.open(home["SIGHTSEEK_LIBRARY"], writable=True) as library:
        library.use_space(Space("clip", "a" * 64, "b" * 64, 512))
    done = run("doctor", env=home, code=1)
    assert "The model clip is not ready on this machine" in done.stdout
    assert "sightseek models export clip" in done.stdout
