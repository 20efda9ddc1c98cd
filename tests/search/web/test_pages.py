"""The page as it is served: its languages, its texts, and files that browsers keep."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from search.web import pages
from search.web.pages import LANGUAGES, page_routes

if TYPE_CHECKING:
    from collections.abc import Iterator

STATIC = Path(pages.__file__).with_name("static")
SCRIPTS = sorted((STATIC / "js").glob("*.js"))


def texts(language: str) -> dict[str, object]:
    parts = json.loads((STATIC / "locales" / f"{language}.json").read_text("utf-8"))
    return {f"{part}.{key}": text for part, known in parts.items() for key, text in known.items()}


def placeholders(text: object) -> set[str]:
    said = text if isinstance(text, str) else "".join(text.values())
    return set(re.findall(r"{(\w+)}", said))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=page_routes())) as opened:
        yield opened


def test_the_page_is_in_the_language_that_is_asked_for(client: TestClient) -> None:
    asked = {
        "": "en",
        "zh-TW,zh;q=0.9,en;q=0.8": "zh",
        "de, en;q=0.5, zh;q=0.7": "zh",
        "fr-CH, fr;q=0.9": "en",
        "zh;q=nonsense": "en",
    }
    for header, language in asked.items():
        page = client.get("/", headers={"Accept-Language": header})
        assert f'<html lang="{language}">' in page.text
        assert page.headers["Cache-Control"] == "no-cache"
    assert '<html lang="zh">' in client.get("/?lang=zh").text
    assert '<html lang="zh">' in client.get("/", headers={"Accept-Language": "en"}).text  # kept
    assert '<html lang="zh">' in client.get("/?lang=<script>").text


def test_the_page_holds_texts_and_no_script_of_its_own(client: TestClient) -> None:
    page = client.get("/").text
    assert 'aria-label="Clear the search"' in page
    assert "built-in" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|https?://", page)


def test_what_the_page_names_is_there_and_is_kept(client: TestClient) -> None:
    named = re.findall(r'(?:src|href)="(/static/[^"#]+)', client.get("/").text)
    assert len(named) > 20
    for address in named:
        found = client.get(address)
        assert found.status_code == 200, address
        assert "immutable" in found.headers["Cache-Control"]
    scripts = {path.name for path in SCRIPTS}
    assert {Path(address).name for address in named if address.endswith(".js")} == scripts


def test_all_languages_say_the_same() -> None:
    first, *others = (texts(language) for language in LANGUAGES)
    for other in others:
        assert other.keys() == first.keys()
        assert {key: placeholders(text) for key, text in other.items()} == {
            key: placeholders(text) for key, text in first.items()
        }


def test_no_text_is_missing_and_none_is_said_by_no_one() -> None:
    sources = "".join(path.read_text("utf-8") for path in SCRIPTS)
    sources += (STATIC.parent / "templates" / "page.html").read_text("utf-8")
    said = set(re.findall(r"""["'`]([a-z]\w*\.\w+)["'`]""", sources))
    built = re.findall(r"`([a-z]\w*\.\w*)\$\{[^`]*?\}(\w*)`", sources)  # `theme.${theme}`
    unsaid = {
        key
        for key in texts("en")
        if key not in said and not any(key.startswith(a) and key.endswith(z) for a, z in built)
    }
    assert {key for key in unsaid if not key.startswith("languages.")} == set()
    parts = {key.split(".")[0] for key in texts("en")}
    asked = set(re.findall(r"""\bt\(\s*["'](\w+\.\w+)""", sources))
    assert {key for key in asked if key.split(".")[0] in parts} <= texts("en").keys()


def test_scripts_make_no_markup_of_texts() -> None:
    for path in SCRIPTS:
        source = path.read_text("utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", source
        )
