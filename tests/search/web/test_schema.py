"""The OpenAPI document holds: whatever is asked, as it says or not, is answered as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from search.thumbnail_cache import ThumbnailCache
from search.web.app import API, make_app
from search.web.guard import Door

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import ColourEncoder
    from schemathesis.specs.openapi.schemas import OpenApiSchema

ENDLESS = ("GET", f"{API}/index/progress")
OPERATIONS = [
    ("GET", f"{API}/completions"),
    ("GET", f"{API}/facets"),
    ("GET", f"{API}/handed-over/{{key}}/thumbnail"),
    ("GET", f"{API}/photos/{{photo_id}}"),
    ("GET", f"{API}/photos/{{photo_id}}/captions"),
    ("GET", f"{API}/photos/{{photo_id}}/duplicates"),
    ("GET", f"{API}/photos/{{photo_id}}/original"),
    ("GET", f"{API}/photos/{{photo_id}}/thumbnail"),
    ("GET", f"{API}/query"),
    ("GET", f"{API}/search"),
    ("GET", f"{API}/status"),
    ("POST", f"{API}/search"),
]


@pytest.fixture(scope="module")
def document(
    tmp_path_factory: pytest.TempPathFactory, colour_library: Path, colour_encoder: ColourEncoder
) -> OpenApiSchema:
    thumbnails = ThumbnailCache(tmp_path_factory.mktemp("thumbnails"))
    door = Door(names=frozenset({"testserver"}))
    app = make_app(colour_library, lambda _: colour_encoder, thumbnails=thumbnails, door=door)
    return schemathesis.openapi.from_asgi(f"{API}/openapi.json", app)


def test_every_operation_is_tried(document: OpenApiSchema) -> None:
    found = [(each.ok().method.upper(), each.ok().path) for each in document.get_all_operations()]
    assert sorted(found) == sorted([*OPERATIONS, ENDLESS])


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_of_json_have_an_example(document: OpenApiSchema, method: str, path: str) -> None:
    operation = document.raw_schema["paths"][path][method.lower()]
    json = operation["responses"]["200"]["content"].get("application/json")
    assert json is None or "example" in json or path == f"{API}/status"
    assert operation["summary"]
    assert operation["description"]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_asked_is_answered_as_the_document_says(
    document: OpenApiSchema, method: str, path: str, mode: GenerationMode
) -> None:
    if mode is GenerationMode.NEGATIVE and path == f"{API}/status":
        return  # there is nothing about it to be wrong

    @given(case=document[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=10, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        # words may still make no query, and bytes no photo
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()
