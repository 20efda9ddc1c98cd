"""Errors as answers: one shape for all, and nothing of the inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pytest
from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from indexer import errors
from search.web import guard, problems
from search.web.document import describe

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI()
    problems.install(made, seal=guard.HEADERS)
    return made


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def failing(app: FastAPI, client: TestClient) -> Callable[[Exception], object]:
    """Give the answer of a route that raises an error."""

    def answer(error: Exception) -> object:
        def fail() -> None:
            raise error

        app.get("/fails")(fail)
        return client.get("/fails")

    return answer


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (errors.UsageError("x. Do y."), 400, "usage"),
        (errors.QueryError("x. Do y."), 400, "query"),
        (errors.NotAPhotoError("x. Do y."), 422, "photo"),
        (errors.PathNotFoundError("x. Do y."), 404, "not-found"),
        (errors.LibraryNotFoundError("x. Do y."), 503, "no-library"),
        (errors.LibraryBusyError("x. Do y."), 503, "library-busy"),
        (errors.LibraryDamagedError("x. Do y."), 503, "library"),
        (errors.SpaceMismatchError("x. Do y."), 503, "library"),
        (errors.BundleError("x. Do y."), 503, "model"),
        (errors.WorkerError("x. Do y."), 500, "error"),
        (problems.NoSuchError("x. Do y."), 404, "not-found"),
        (problems.ChangedError("x. Do y."), 409, "changed"),
        (problems.TooBusyError("x. Do y.", seconds=3), 429, "busy"),
        (HTTPException(413, "x. Do y."), 413, "too-large"),
    ],
)
def test_an_error_that_its_user_can_act_on_says_so(
    failing: Callable[..., object], error: Exception, code: int, kind: str
) -> None:
    answer = failing(error)
    assert (answer.status_code, answer.headers["cache-control"]) == (code, "no-store")
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    told = answer.json()
    assert told["type"] == f"urn:sightseek:problem:{kind}"
    assert (told["status"], told["detail"]) == (code, "x. Do y.")
    assert answer.headers.get("retry-after") == {429: "3", "library-busy": "1"}.get(
        kind if kind == "library-busy" else code
    )


def test_what_nobody_expected_tells_nothing_of_the_inside(
    failing: Callable[..., object],
) -> None:
    answer = failing(ValueError("a secret at /home/someone"))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert {name: answer.headers[name] for name in guard.HEADERS} == guard.HEADERS
    for inside in ("secret", "/home", "ValueError", "Traceback"):
        assert inside not in answer.text


def test_the_frameworks_own_errors_have_the_same_shape(app: FastAPI, client: TestClient) -> None:
    def route(n: Annotated[int, Query(le=3)]) -> int:
        return n

    app.get("/route")(route)
    for answer, code in (
        (client.get("/nothing"), 404),
        (client.post("/route"), 405),
        (client.get("/route?n=4"), 422),
        (client.get("/route?n=<script>"), 422),
        (client.get("/route"), 422),
    ):
        assert answer.status_code == code
        assert answer.headers["content-type"] == problems.MEDIA_TYPE
        assert answer.json()["status"] == code
        assert answer.json()["detail"]
        assert "script" not in answer.text
    assert client.post("/route").headers["allow"] == "GET"
    told = client.get("/route?n=4").json()["detail"]
    assert told == "n: Input should be less than or equal to 3"


def test_the_document_describes_problems_as_they_are_answered(app: FastAPI) -> None:
    app.get("/route")(lambda n: n)
    describe(app)
    document = app.openapi()
    answers = document["paths"]["/route"]["get"]["responses"]
    assert "422" not in answers
    assert set(answers["default"]["content"]) == {problems.MEDIA_TYPE}
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in str(document)
