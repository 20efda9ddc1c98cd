from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.discover import discover
from indexer.ignore import IGNORE_FILE, Rules

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a", "b", "foo")
FILES = ("x.jpg", "y.png")
PATTERNS = st.sampled_from(
    """*.jpg|!*.jpg|foo|!foo|foo/|!foo/|/a|!/a|a/|!a/|a/b|!a/b|**/b|!**/b|a/**|!a/**|*|!*|*/|!*/
    |/*|!/*|foo/*|!foo/*|x.*|!x.jpg|/foo/|a/*.jpg|!a/*.jpg|**/foo/x.jpg|!b/||# no rule|[ab]
    |!?|\\#x""".replace("\n    ", "").split("|")
)
IGNORE_FILES = st.dictionaries(
    st.sampled_from([".", "a", "foo", "a/b"]), st.lists(PATTERNS, min_size=1, max_size=4)
)


def plant(folder: Path, depth: int = 2) -> None:
    for name in FILES:
        (folder / name).touch()
    for name in NAMES if depth else ():
        (folder / name).mkdir()
        plant(folder / name, depth - 1)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("git"):
        pytest.skip("git is the reference here, and is not installed")
    root = tmp_path_factory.mktemp("tree")
    plant(root)
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


@settings(derandomize=True, deadline=None, max_examples=150)
@given(ignore_files=IGNORE_FILES)
def test_ignore_files_leave_out_what_git_leaves_out(
    tree: Path, ignore_files: dict[str, list[str]]
) -> None:
    for stale in tree.rglob(IGNORE_FILE):
        stale.unlink()
    for folder, patterns in ignore_files.items():
        (tree / folder / IGNORE_FILE).write_text("\n".join(patterns) + "\n")
    command = ["git", "ls-files", "-o", f"--exclude-per-directory={IGNORE_FILE}"]
    listed = subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout
    expected = {name for name in listed.split() if not name.endswith(IGNORE_FILE)}
    assert {str(item.path.relative_to(tree)) for item in discover([tree])} == expected


def test_a_file_that_is_not_utf8_still_rules(tmp_path: Path) -> None:
    (tmp_path / IGNORE_FILE).write_bytes(b"\xef\xbb\xbfa.jpg\r\ncaf\xe9\r\n")
    rules = Rules.read(str(tmp_path))
    assert rules.verdict(str(tmp_path / "a.jpg"), is_folder=False) is True
    assert rules.verdict(str(tmp_path / "caf\udce9"), is_folder=True) is True
    assert rules.verdict(str(tmp_path / "b.jpg"), is_folder=False) is None
