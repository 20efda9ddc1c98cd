"""The page, and the files that it is made of, in each of its languages. Knows no library."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike, stat_result

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import Scope

Texts: TypeAlias = dict[str, dict[str, str | dict[str, str]]]  # by part and key

LANGUAGES = ("en", "zh")  # the first where a browser asks for none of them

_STATIC = Path(__file__).with_name("static")
_TEMPLATES = Path(__file__).with_name("templates")
_ENTRIES = {"main", "theme"}  # the template names them itself
_YEAR = 365 * 24 * 60 * 60  # seconds


def page_routes() -> list[BaseRoute]:
    """Give the routes of the page and its files.

    The address of the files holds their digest: browsers keep them, and take new ones at once.
    """
    static = f"/static/{_digest()}"
    scripts = sorted({path.stem for path in (_STATIC / "js").glob("*.js")} - _ENTRIES)
    template = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    ).get_template("page.html")

    def page(request: Request) -> Response:
        language = _language(request)
        html = template.render(
            language=language,
            languages=LANGUAGES,
            t=partial(_text, language),
            static=static,
            scripts=scripts,
        )
        response = HTMLResponse(
            html, headers={"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"}
        )
        if request.query_params.get("lang") == language:
            response.set_cookie("lang", language, max_age=_YEAR, samesite="lax")
        return response

    return [Route("/", page, name="page"), Mount(static, _Files(directory=_STATIC), name="static")]


class _Files(StaticFiles):
    """Files whose address changes when they do."""

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        return response


def _language(request: Request) -> str:
    """Choose a language: what the address says, what was chosen before, what the browser asks."""
    said = (request.query_params.get("lang"), request.cookies.get("lang"))
    asked = _accepted(request.headers.get("Accept-Language", ""))
    return next((each for each in (*said, *asked) if each in LANGUAGES), LANGUAGES[0])


def _accepted(header: str) -> Iterator[str]:
    """Give the languages of an Accept-Language header, best first, without their regions."""
    weighed = list[tuple[float, str]]()
    for part in header.split(","):
        name, _, weight = part.partition(";q=")
        try:
            weighed.append((float(weight or 1), name.strip().split("-")[0].lower()))
        except ValueError:  # a weight that is no number
            continue
    yield from (name for _, name in sorted(weighed, key=lambda each: -each[0]))


def _text(language: str, key: str) -> str:
    """Give a text of a language by `part.key`."""
    part, _, name = key.partition(".")
    text = _texts(language)[part][name]
    assert isinstance(text, str), key  # a template counts nothing
    return text


@lru_cache
def _texts(language: str) -> Texts:
    texts: Texts = json.loads((_STATIC / "locales" / f"{language}.json").read_text("utf-8"))
    return texts


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in _STATIC.rglob("*") if path.is_file()):
        digest.update(path.relative_to(_STATIC).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
