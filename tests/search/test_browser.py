from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from indexer.errors import PathNotFoundError
from indexer.places import cache_path
from search.browser import show_page, write_page

if TYPE_CHECKING:
    from pathlib import Path

PIECES = ["<p>", "\u732b", "</p>"]


def test_a_page_goes_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_page(iter(PIECES), tmp_path / "a.html")
    assert path.read_text("utf-8") == "<p>\u732b</p>"
    assert write_page(["x"], tmp_path / "a.html").read_text("utf-8") == "x"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(PathNotFoundError, match=r"no folder .*gone"):
        write_page(PIECES, tmp_path / "gone" / "a.html")


def test_a_page_without_a_name_is_its_users_alone_and_goes_in_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, second = write_page(PIECES), write_page(PIECES)
    assert first != second
    assert first.is_relative_to(cache_path())
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    kept = first.with_name("mine.html")
    kept.write_text("not ours")
    for path in (first, kept):
        os.utime(path, (1, 1))
    third = write_page(PIECES)
    assert set(third.parent.iterdir()) == {second, third, kept}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always one to ask")
def test_without_a_screen_no_browser_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not show_page(tmp_path / "a.html")


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script")
def test_a_browser_gets_the_page_and_its_greetings_spare_the_results(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "Opening $1"\necho "$1" > {tmp_path}/seen\n')
    browser.chmod(0o700)
    code = (
        "from pathlib import Path; from search.browser import show_page; print('before')\n"
        f"print(show_page(Path({str(tmp_path / 'a b.html')!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "BROWSER": str(browser)},
    )
    assert done.stdout.split() == ["before", "True"]
    assert done.stderr.startswith("Opening file:///")
    assert (tmp_path / "seen").read_text().strip() == (tmp_path / "a b.html").as_uri()
