"""Who is let in, through the guard alone around an app that answers everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from search.web.guard import HEADERS, Door, Guard

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

TOKEN = "a token of more than sixteen characters"
SECRET = "secret"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(SECRET)(scope, receive, send)


def client(door: Door | None = None, *, base: str = "http://127.0.0.1:8765") -> TestClient:
    guarded = Guard(app, door=door or Door())
    return TestClient(guarded, base_url=base, follow_redirects=False)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8765",
        "LocalHost.:8765",
        "127.0.0.1",
        "127.0.0.1:8765",
        "127.8.9.10:1",
        "[::1]",
        "[::1]:8765",
    ],
)
def test_the_page_is_had_by_the_names_of_loopback(host: str) -> None:
    answer = client().get("/", headers={"Host": host})
    assert (answer.status_code, answer.text) == (200, SECRET)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",  # a name that was made to resolve to 127.0.0.1
        "evil.example:8765",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8765",
        "evil.example#localhost",
        "localhost@evil.example",
        "localhost evil.example",
        "localhost:8765:80",
        "localhost:port",
        "192.168.1.5:8765",
        "0.0.0.0:8765",
        "2130706433",
        "0x7f.1",
        "127.1",
        "::1",
        "[127.0.0.1]",
        "[localhost]",
        "[::1",
        "",
    ],
)
def test_a_host_that_is_not_this_server_is_refused(host: str) -> None:
    answer = client().get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text


def test_two_hosts_are_refused() -> None:
    headers = [("Host", "localhost"), ("Host", "evil.example")]
    assert client().get("/", headers=headers).status_code == 421


def test_names_may_be_allowed_and_addresses_where_others_reach_the_server() -> None:
    door = Door(frozenset({"photos.home"}), any_address=True)
    for host in ("photos.home", "PHOTOS.home:80", "192.168.1.5:8765", "[fd00::1]:8765"):
        assert client(door).get("/", headers={"Host": host}).status_code == 200, host
    for host in ("evil.home", "localhost"):
        assert client(door).get("/", headers={"Host": host}).status_code == 421, host


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
@pytest.mark.parametrize("dest", ["image", "script", "iframe", "empty"])
def test_what_another_site_shows_or_fetches_is_refused(site: str, dest: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": dest}
    for path in ("/", "/api/v1/photos/1/thumbnail"):
        answer = client().get(path, headers=headers)
        assert (answer.status_code, SECRET in answer.text) == (403, False)


def test_links_lead_to_the_page_and_not_to_the_api() -> None:
    link = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert client().get("/?q=dog", headers=link).status_code == 200
    assert client().get("/api/v1/photos/1/original", headers=link).status_code == 403
    assert client().post("/", headers=link).status_code == 403
    assert client().get("/", headers=link | {"Sec-Fetch-Dest": "iframe"}).status_code == 403


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:9999",
        "http://localhost:8765",
        "http://127.0.0.1:8765.evil.example",
        "file://127.0.0.1:8765",
        "http://[",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_of_another_origin_is_refused(origin: str, method: str) -> None:
    answer = client().request(method, "/api/v1/search", headers={"Origin": origin})
    assert answer.status_code == 403


def test_the_page_itself_and_programs_may_ask() -> None:
    own = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    assert client().post("/api/v1/search", headers=own).status_code == 200
    assert client().post("/api/v1/search").status_code == 200
    assert client().get("/", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_no_answer_lets_another_origin_read_it() -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET"}
    for answer in (client().options("/api/v1/search", headers=asked), client().get("/")):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("headers", [{}, {"Host": "evil.example"}])
def test_every_answer_is_sealed(headers: dict[str, str]) -> None:
    answer = client().get("/", headers=headers)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy


def test_websockets_are_refused() -> None:
    sent: list[Message] = []

    async def refused(*_: object) -> None:
        raise AssertionError("it was let in")

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}
    anyio.run(Guard(refused, door=Door()), scope, refused, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_without_the_token_nothing_is_had() -> None:
    door = Door(token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        for path in ("/", "/static/js/main.js", "/api/v1/status", "/api/v1/openapi.json"):
            answer = client(door).get(path, headers=headers)
            assert (answer.status_code, SECRET in answer.text) == (401, False)
            assert answer.headers["www-authenticate"] == "Bearer"


def test_programs_send_the_token_as_a_bearer() -> None:
    answer = client(Door(token=TOKEN)).get("/", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.text == SECRET


def test_the_link_with_the_token_becomes_a_cookie_and_a_link_without_it() -> None:
    browser = client(Door(token=TOKEN))
    answer = browser.get("/", params={"q": "dog & cat", "token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?q=dog+%26+cat"
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert browser.get("/").text == SECRET
    assert browser.get("/api/v1/status").text == SECRET


def test_a_wrong_token_makes_no_cookie() -> None:
    door = Door(token=TOKEN)
    answer = client(door).get("/", params={"token": TOKEN[:-1]})
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    other = client(Door(token=TOKEN + "!")).get("/", params={"token": TOKEN + "!"})
    forged = {"Cookie": other.headers["set-cookie"].split(";")[0]}
    assert client(door).get("/", headers=forged).status_code == 401


def test_a_token_is_taken_on_the_page_alone_and_leads_nowhere_else() -> None:
    browser = client(Door(token=TOKEN))
    assert (
        browser.get("http://127.0.0.1:8765//evil.example/", params={"token": TOKEN}).status_code
        == 401
    )
    assert browser.get("/api/v1/status", params={"token": TOKEN}).status_code == 401


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(
        "hmac.compare_digest", lambda one, other: compared.append((one, other)) or one == other
    )
    headers = {"Authorization": f"Bearer {TOKEN[:3]}"}
    assert client(Door(token=TOKEN)).get("/", headers=headers).status_code == 401
    # digests of one length whatever was typed, so that not even that is told
    assert [len(each) for each in compared[0]] == [32, 32]
