"""The command line as a contract: in this process, and of each command in one of its own."""

from __future__ import annotations

import gc
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sysconfig
import time
import zlib
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from indexer.sample import sample_folder
from search.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 200
COMMAND = Path(sysconfig.get_path("scripts")) / "sightseek"


def run(
    *words: object, code: int = 0, env: dict[str, str] | None = None, cwd: Path | None = None
) -> Done:
    """Run a command in this process, which has imported all that it needs."""
    with chdir(cwd or Path.cwd()):
        done = CliRunner().invoke(main, [*map(str, words)], env=env)
    gc.unfreeze()  # what a command leaves to the end of its process
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, (done.stdout, done.stderr)
    return Done(done.stdout, done.stderr)


def spawn(*words: object, code: int = 0, env: dict[str, str] | None = None) -> Done:
    """Run the installed command in a process of its own."""
    done = subprocess.run(
        [str(COMMAND), *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return Done(done.stdout, done.stderr)


class Done(NamedTuple):
    """What a command said."""

    stdout: str
    stderr: str


def error(*words: object, code: int = 1, how: Callable[..., Done] = run) -> str:
    """Run what must fail, and return its one line."""
    done = how(*words, code=code)
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    assert code == 2 or len(lines) == 1, lines
    return lines[-1]


@pytest.fixture(scope="module", autouse=True)
def _used_before(builtin_known: Path) -> None:
    """Begin on a machine that used the built-in model before."""


@pytest.fixture
def indexed(sample_library: Path) -> Path:
    """A library of the sample collection. Tests only read it."""
    return sample_library


@pytest.fixture
def own(indexed: Path, tmp_path: Path) -> Path:
    """A copy of that library, to change."""
    return Path(shutil.copytree(indexed, tmp_path / "own"))


def hits(*words: object) -> list[dict[str, object]]:
    found = json.loads(run("search", *words, "--json").stdout)
    assert list(found) == ["query", "target", "model", "hits"]
    assert [hit["rank"] for hit in found["hits"]] == list(range(1, len(found["hits"]) + 1))
    scores = [hit["score"] for hit in found["hits"]]
    assert [hit["rank"] for hit in found["hits"]] == list(range(1, len(scores) + 1))
    assert all(-1 <= score <= 1 for score in scores)
    return list(found["hits"])


def test_index_json_counts_what_happened(tmp_path: Path, paint: Callable[..., Path]) -> None:
    library, photos = tmp_path / "library", tmp_path / "photos"
    paint(photos / "a.png", "red")
    paint(photos / "b.jpg", "blue")
    (photos / "bad.jpg").write_text("no photo")
    report = json.loads(spawn("index", photos, "--library", library, "--json").stdout)
    counts = ("added", "updated", "moved", "unchanged", "removed")
    assert [report[name] for name in counts] == [2, 0, 0, 0, 0]
    assert report["seconds"] > 0
    assert report["images_per_second"] > 0
    [skipped] = report["skipped"]
    assert skipped["path"] == str(photos / "bad.jpg")
    (photos / "a.png").rename(photos / "c.png")
    paint(photos / "d.png", "green")
    again = json.loads(run("index", photos, "--library", library, "--json").stdout)
    assert [again[name] for name in counts] == [1, 0, 1, 1, 0]
    assert again["skipped"] == report["skipped"]


def test_text_finds_photos(indexed: Path) -> None:
    found = hits("a cup of coffee", "--library", indexed, "-k", 3)
    assert len(found) == 3
    assert Path(str(found[0]["path"])).name == "coffee.jpg"
    assert Path(str(found[0]["path"])).is_absolute()
    assert found[0]["caption"] is None


def test_a_photo_finds_photos_other_than_itself(indexed: Path) -> None:
    cat = sample_folder() / "cat.jpg"
    found = hits(cat, "--library", indexed)
    assert str(cat) not in [hit["path"] for hit in found]
    itself = hits(cat, "--library", indexed, "--include-self")[0]
    assert itself["path"] == str(cat)
    assert itself["score"] == pytest.approx(1, abs=1e-5)


def test_a_photo_finds_captions(indexed: Path) -> None:
    cat = sample_folder() / "cat.jpg"
    found = hits(cat, "--target", "captions", "--library", indexed, "-k", 5)
    assert any("cat" in str(hit["caption"]) for hit in found)
    assert all(hit["path"] for hit in found)


def test_text_finds_captions(indexed: Path) -> None:
    found = hits("a photographer", "--target", "captions", "--library", indexed, "-k", 3)
    assert any("camera" in str(hit["caption"]) for hit in found)


def test_terms_add_subtract_and_weigh(indexed: Path) -> None:
    coffee = sample_folder() / "coffee.jpg"
    words = ["2:cat", "+", str(coffee), "-", "0.5:brick wall"]
    found = json.loads(run("search", *words, "--library", indexed, "--json").stdout)
    assert found["query"] == f"2:cat + {coffee} - 0.5:brick wall"
    assert all(-1 <= hit["score"] <= 1 for hit in found["hits"])
    names = [Path(hit["path"]).name for hit in found["hits"]]
    assert names.index("cat.jpg") < names.index("brick-wall.jpg")


def test_filters_are_options_and_words(indexed: Path) -> None:
    as_option = hits("a cat", "--orientation", "portrait", "--library", indexed)
    assert as_option
    assert all(hit["height"] > hit["width"] for hit in as_option)
    assert hits("a cat orientation:portrait", "--library", indexed) == as_option
    assert "Known ones: after, before" in error("search", "a foo:bar", "--library", indexed, code=2)
    assert "no time for after" in error(
        "search", "a", "--after", "May", "--library", indexed, code=2
    )


def test_words_need_no_quotes(indexed: Path) -> None:
    plain = hits("a", "cup", "of", "coffee", "--library", indexed)
    assert plain == hits("a cup of coffee", "--library", indexed)


def test_paths_come_one_a_line_or_ended_with_nul(indexed: Path) -> None:
    lines = run("search", "a cat", "--library", indexed, "-k", 2, "--paths").stdout
    assert len(lines.splitlines()) == 2
    assert all(Path(line).is_file() for line in lines.splitlines())
    nul = run("search", "a cat", "--library", indexed, "-k", 2, "-0").stdout
    assert nul == lines.replace("\n", "\0")


def test_results_on_a_pipe_hold_no_escape_codes(indexed: Path) -> None:
    assert "\033" not in spawn("search", "a cat", "--library", indexed).stdout


def test_an_empty_library_finds_nothing_and_succeeds(
    tmp_path: Path, paint: Callable[..., Path]
) -> None:
    paint(tmp_path / "photos" / "a.png", "red")
    run("index", tmp_path / "photos", "--library", tmp_path / "library")
    run("forget", tmp_path / "photos", "--library", tmp_path / "library")
    assert hits("a cat", "--library", tmp_path / "library") == []


def test_the_library_may_come_from_the_environment(indexed: Path) -> None:
    done = spawn("status", "--json", env={"SIGHTSEEK_LIBRARY": str(indexed)})
    found = json.loads(done.stdout)
    assert found["library"] == str(indexed)
    assert found["model"] == "builtin"
    assert found["photos"] == len(list(sample_folder().glob("*.jpg")))
    assert found["captions"] > found["photos"]


def test_embed_writes_unit_rows_in_input_order(tmp_path: Path) -> None:
    folder, out = sample_folder(), tmp_path / "out.npz"
    (tmp_path / "texts").write_text("a dog\na cat\n")
    (tmp_path / "images").write_text(f"{folder / 'coffee.jpg'}\n")
    inputs = ["--text", "a cup of coffee", "--texts-file", tmp_path / "texts"]
    inputs += ["--image", folder / "cat.jpg", "--images-file", tmp_path / "images"]
    spawn("embed", *inputs, "-o", out)
    with np.load(out) as arrays:
        images, texts = arrays["image_embeddings"], arrays["text_embeddings"]
        assert str(arrays["space"]).startswith("builtin@")
    assert images.dtype == texts.dtype == np.float32
    assert (len(images), len(texts)) == (2, 3)
    assert np.allclose(np.linalg.norm(np.concatenate([images, texts]), axis=1), 1, atol=1e-5)
    scores = images @ texts.T
    assert scores[0].argmax() == 2  # the cat
    assert scores[1].argmax() == 0  # the coffee


def test_evaluate_prints_both_directions(indexed: Path) -> None:
    queries = sample_folder() / "captions.csv"
    done = spawn("evaluate", "--queries", queries, "--library", indexed, "--json")
    found = json.loads(done.stdout)
    assert list(found) == ["text_to_image", "image_to_text"]
    for measures in found.values():
        assert {"recall@1", "recall@5", "recall@10", "mrr", "median_rank"} <= measures.keys()
        assert 0 <= measures["recall@1"] <= measures["recall@5"] <= measures["recall@10"] <= 1
    assert found["text_to_image"]["recall@5"] > 0.5


def test_evaluate_shows_a_table_and_the_worst_and_writes_details(
    indexed: Path, tmp_path: Path
) -> None:
    words = ["evaluate", "--queries", sample_folder() / "captions.csv", "--library", indexed]
    details = tmp_path / "details.jsonl"
    done = run(*words, "--k", "1,3", "--against", "exact", "--details", details, "--worst", 1)
    lines = done.stdout.splitlines()
    assert lines[0].split() == (
        ["text", "to", "image", "recall@1", "recall@3", "mrr", "ndcg@3", "median", "queries"]
    )
    assert "photos overlap" in done.stdout
    assert done.stdout.count(", rank ") == 2
    rows = [json.loads(line) for line in details.read_text("utf-8").splitlines()]
    captions = [row for row in rows if row["direction"] == "text_to_image"]
    assert len(captions) == 37
    assert {"query", "answer", "rank", "top"} <= captions[0].keys()


def test_evaluate_fails_with_one_line_where_figures_fall_short(indexed: Path) -> None:
    words = ["evaluate", "--queries", sample_folder() / "captions.csv", "--library", indexed]
    gates = ["--fail-under", "recall@10=0.5", "--fail-under", "text_to_image.mrr=1"]
    done = run(*words, "--json", *gates, code=1)
    assert json.loads(done.stdout)["text_to_image"]["mrr"] < 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: text_to_image mrr is 0.")
    assert "under 1. " in line
    error(*words, "--fail-under", "speed=1", code=2)
    error(*words, "--compare", "none such")
    error(*words, "--compare", "builtin", code=2)
    error(*words, "--details", "no/such/folder/details.jsonl")


def test_demo_shows_sensible_results_and_the_next_three_commands() -> None:
    lines = spawn("demo").stdout
    first = re.findall(r"^  1  .*/(\S+)", lines, flags=re.MULTILINE)
    assert first[0] == "coffee.jpg"
    assert first[1] == "cat-eyes.jpg"
    assert len(re.findall(r"^  sightseek ", lines, flags=re.MULTILINE)) == 3


def test_doctor_finds_a_sound_library_sound(indexed: Path) -> None:
    checks = json.loads(spawn("doctor", "--library", indexed, "--json").stdout)
    assert all(check["ok"] for check in checks)


def test_forget_drops_photos_and_touches_no_file(own: Path) -> None:
    cat = sample_folder() / "cat.jpg"
    report = json.loads(spawn("forget", cat, "--library", own, "--json").stdout)
    assert report["photos"] == 1
    assert cat.is_file()
    assert str(cat) not in run("search", "a cat", "--library", own, "--paths").stdout


def test_quiet_prints_results_alone(tmp_path: Path, paint: Callable[..., Path]) -> None:
    paint(tmp_path / "photos" / "a.png", "red")
    done = spawn("index", tmp_path / "photos", "--library", tmp_path / "library", "--quiet")
    assert done.stdout == done.stderr == ""


def png_bomb(path: Path, side: int) -> None:
    """Write a PNG whose header promises side x side pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_files_that_cannot_be_read_are_named_and_the_rest_is_indexed(
    tmp_path: Path, paint: Callable[..., Path]
) -> None:
    photos, library = tmp_path / "photos", tmp_path / "library"
    good = paint(photos / "good.jpg", "red")
    (photos / "text.jpg").write_text("this is no photo")
    (photos / "empty.jpg").touch()
    whole = (sample_folder() / "cat.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    png_bomb(photos / "bomb.png", 30_000)
    report = json.loads(run("index", photos, "--library", library, "--json").stdout)
    assert report["added"] == 1
    reasons = {Path(skip["path"]).name: skip["reason"] for skip in report["skipped"]}
    assert sorted(reasons) == ["bomb.png", "cut.jpg", "empty.jpg", "text.jpg"]
    assert "empty" in reasons["empty.jpg"]
    assert "truncated" in reasons["cut.jpg"]
    assert "--max-pixels" in reasons["bomb.png"]
    assert run("search", "red", "--library", library, "--paths").stdout == f"{good}\n"
    names = [
        skip["path"]
        for skip in json.loads(run("status", "--library", library, "--json").stdout)["skipped"]
    ]
    assert len(names) == 4


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    line = error("index", tmp_path / "nowhere", "--library", tmp_path / "library", how=spawn)
    assert str(tmp_path / "nowhere") in line


def test_a_captions_file_with_wrong_columns_is_one_line(own: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("foo,bar\n1,2\n")
    before = run("status", "--library", own, "--json").stdout
    line = error("index", sample_folder(), "--captions", tmp_path / "wrong.csv", "--library", own)
    assert "foo" in line
    assert "image,caption" in line
    assert (
        json.loads(run("status", "--library", own, "--json").stdout)["photos"]
        == (json.loads(before)["photos"])
    )


def test_an_unknown_model_is_one_line_and_makes_no_library(tmp_path: Path) -> None:
    library = tmp_path / "library"
    line = error("index", sample_folder(), "--model", "no-such-model", "--library", library)
    assert "no-such-model" in line
    assert "builtin" in line
    assert not library.exists()


def test_a_missing_library_says_how_to_make_one(tmp_path: Path) -> None:
    for words in (["search", "a cat"], ["status"], ["forget", tmp_path]):
        line = error(*words, "--library", tmp_path / "none", how=spawn)
        assert "sightseek index" in line
    assert not (tmp_path / "none").exists()


def test_a_damaged_catalog_is_one_line_and_stays_as_it_is(own: Path) -> None:
    catalog = own / "catalog.sqlite"
    damaged = b"\0damaged" + catalog.read_bytes()[8:]
    catalog.write_bytes(damaged)
    for words in (["search", "a cat"], ["index", sample_folder()], ["status"]):
        assert "damaged" in error(*words, "--library", own)
    assert catalog.read_bytes() == damaged


def test_a_library_of_another_space_is_refused(own: Path, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(own / "catalog.sqlite") as connection:
        connection.execute("UPDATE space SET weights_digest = 'f00'")
    for words in (["search", "a cat"], ["index", sample_folder()]):
        line = error(*words, "--library", own)
        assert "do not compare" in line
        assert f"sightseek index --model builtin --library {own}" in line
    done = json.loads(run("index", "--model", "builtin", "--library", own, "--json").stdout)
    assert done["switched"]
    assert hits("a cat", "--library", own)


@pytest.fixture
def other_model(tmp_path: Path) -> Path:
    """A bundle whose vectors are of another space, though of the same size."""
    from indexer.encoders.registry import BUILTIN_FOLDER

    folder = Path(shutil.copytree(BUILTIN_FOLDER, tmp_path / "other model"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["image"]["mean"] = [0.4, 0.4, 0.4]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def spaces(library: Path) -> dict[str, tuple[str, int]]:
    found = json.loads(run("status", "--library", library, "--json").stdout)["spaces"]
    return {each["model"]: (each["state"], each["photos"]) for each in found}


def test_a_library_changes_its_model_and_forgets_the_old_one(own: Path, other_model: Path) -> None:
    count = len(list(sample_folder().glob("*.jpg")))
    before = hits("a cat", "--library", own)
    lines = run("index", "--model", other_model, "--library", own).stdout.splitlines()
    assert lines[-1] == (
        f"Switched to {other_model}; the old vectors stay until: sightseek forget --space builtin"
    )
    assert spaces(own) == {"builtin": ("ready", count), str(other_model): ("current", count)}
    assert hits("a cat", "--library", own) != before
    assert "Searches use" in error("forget", "--space", other_model, "--library", own)
    run("index", "--model", "builtin", "--library", own)
    assert hits("a cat", "--library", own) == before
    freed = json.loads(run("forget", "--space", other_model, "--library", own, "--json").stdout)
    assert freed["space"]["space"].startswith(f"{other_model}@")
    assert freed["space"]["vectors"] > count
    assert freed["space"]["bytes"] > 0
    assert spaces(own) == {"builtin": ("current", count)}


def test_a_switch_that_a_photo_prevents_is_told_with_its_remedy(
    tmp_path: Path, paint: Callable[..., Path], other_model: Path
) -> None:
    photos, library = tmp_path / "photos", tmp_path / "library"
    red, blue = paint(photos / "red.png", "red"), paint(photos / "blue.png", "blue")
    run("index", photos, "--library", library)
    red.rename(tmp_path / "away.png")
    done = run("index", "--model", other_model, "--library", library, "--json", code=1)
    report = json.loads(done.stdout)
    assert not report["switched"]
    lacking = [{"path": str(red), "reason": "its file is gone"}]
    assert report["switch"]["lacking"] == lacking
    assert f"  {red}: its file is gone" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: Not switched to ")
    assert spaces(library) == {"builtin": ("current", 2), str(other_model): ("being filled", 1)}
    note = run("index", blue, "--library", library).stderr
    assert "1 of 2 photos" in note
    command = shlex.split(note.partition("Finish it with: ")[2])
    run("forget", red, "--library", library)
    run(*command[1:])
    assert spaces(library) == {"builtin": ("ready", 1), str(other_model): ("current", 1)}
    assert run("index", blue, "--library", library).stderr == ""


def test_a_model_alone_needs_a_library_with_photos(tmp_path: Path) -> None:
    line = error("index", "--model", "builtin", "--library", tmp_path / "none")
    assert "sightseek index FOLDER" in line
    assert not (tmp_path / "none").exists()


def test_a_deleted_or_damaged_faiss_file_changes_no_result(own: Path) -> None:
    before = hits("a cat", "--library", own)
    snapshot = own / "photos.faiss"
    data = bytearray(snapshot.read_bytes())
    data[len(data) // 2] ^= 0xFF
    snapshot.write_bytes(data)
    assert hits("a cat", "--library", own) == before
    snapshot.unlink()
    assert hits("a cat", "--library", own) == before


@pytest.mark.parametrize(
    "words",
    [
        ["search"],
        ["search", "a cat", "-k", "0"],
        ["search", "a cat", "+"],
        ["search", "a cat", "--json", "--paths"],
        ["search", "a cat", "--target", "videos"],
        ["index"],
        ["index", ".", "--no-such-option"],
        ["index", "--captions", "captions.csv"],
        ["forget"],
        ["embed", "-o", "out.npz"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], indexed: Path, tmp_path: Path) -> None:
    done = run(*words, code=2, env={"SIGHTSEEK_LIBRARY": str(indexed)}, cwd=tmp_path)
    assert done.stdout == ""
    assert "Error: " in done.stderr


def test_a_missing_query_photo_is_one_line(indexed: Path) -> None:
    assert "nowhere.jpg" in error("search", "nowhere.jpg", "--library", indexed)


def test_a_photo_that_cannot_be_embedded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("this is no photo")
    out = tmp_path / "out.npz"
    assert "text.jpg" in error("embed", "--image", tmp_path / "text.jpg", "-o", out)
    assert not out.exists()


def test_the_demo_leaves_ones_own_library_alone(own: Path) -> None:
    before = run("status", "--json", "--library", own).stdout
    run("demo", env={"SIGHTSEEK_LIBRARY": str(own)})
    assert run("status", "--json", "--library", own).stdout == before


def test_embed_needs_no_library_even_where_one_is_named(tmp_path: Path) -> None:
    env = {"SIGHTSEEK_LIBRARY": str(tmp_path / "none")}
    run("embed", "--text", "a cat", "-o", tmp_path / "out.npz", env=env)


def test_a_blank_line_among_texts_to_embed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("a\n\nb\n")
    line = error("embed", "--texts-file", tmp_path / "texts", "-o", tmp_path / "out.npz")
    assert "blank in line 2" in line


def test_a_line_of_texts_to_embed_ends_where_a_line_feed_is(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("a\u2028b\nc\n", "utf-8")
    run("embed", "--texts-file", tmp_path / "texts", "-o", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as arrays:
        assert len(arrays["text_embeddings"]) == 2


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    env = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    spawn("embed", "--text", "a cat", "-o", tmp_path / "out.npz", env=env)
    assert not list(home.rglob("*"))


def test_a_reader_that_has_seen_enough_is_no_error(indexed: Path) -> None:
    words = f"'{COMMAND}' search cat -q --library '{indexed}' | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", words], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split()[-1] in {"0", "141"}
    assert done.stderr == ""


def test_a_closed_output_is_no_traceback(indexed: Path) -> None:
    words = f"'{COMMAND}' search cat --library '{indexed}' >&-"
    done = subprocess.run(
        ["bash", "-c", words], capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr


def test_a_mistyped_folder_makes_no_library(tmp_path: Path) -> None:
    error("index", tmp_path / "nowhere", "--library", tmp_path / "library")
    assert not (tmp_path / "library").exists()


def test_a_file_that_is_named_and_is_no_photo_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    done = run("index", tmp_path / "notes.txt", "--library", tmp_path / "library", "--json")
    [skipped] = json.loads(done.stdout)["skipped"]
    assert "no photo" in skipped["reason"]


def test_a_model_of_another_name_does_not_take_over_a_library(own: Path, tmp_path: Path) -> None:
    from indexer.encoders.registry import BUILTIN_FOLDER

    twin = Path(shutil.copytree(BUILTIN_FOLDER, tmp_path / "twin"))
    run("index", sample_folder(), "--library", own, "--model", twin)
    shutil.rmtree(twin)
    assert hits("a cat", "--library", own)


def test_doctor_sees_that_a_librarys_model_has_changed(own: Path) -> None:
    import sqlite3

    with sqlite3.connect(own / "catalog.sqlite") as connection:
        connection.execute("UPDATE space SET weights_digest = 'f00'")
    done = run("doctor", "--library", own, code=1)
    assert "do not compare" in done.stdout


def test_embed_into_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert "no folder" in error("embed", "--text", "a cat", "-o", tmp_path / "none" / "out.npz")


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    photos, library = tmp_path / "photos", tmp_path / "library"
    photos.mkdir()
    noise = np.random.default_rng(0)
    for i in range(COUNT):
        Image.fromarray(noise.integers(0, 255, (64, 64, 3), np.uint8)).save(photos / f"{i}.png")
    process = subprocess.Popen(
        [COMMAND, "index", photos, "--library", library, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not _committed(library):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    report = json.loads(stdout)
    assert report["interrupted"]
    assert 0 < report["added"] < COUNT
    again = json.loads(run("index", photos, "--library", library, "--json").stdout)
    assert again["unchanged"] == report["added"]
    assert again["added"] + again["unchanged"] == COUNT


def _committed(library: Path) -> bool:
    import sqlite3

    if not (library / "catalog.sqlite").exists():
        return False
    try:
        with sqlite3.connect(f"file:{library / 'catalog.sqlite'}?mode=ro", uri=True) as connection:
            return bool(connection.execute("SELECT count(*) FROM photo").fetchone()[0])
    except sqlite3.OperationalError:  # its tables are not made yet
        return False
