"""Searches, lists, facets, completions and captions through the API, on a library of colours."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from starlette.testclient import TestClient

from indexer.library import Library
from indexer.pipeline import index_photos
from search.thumbnail_cache import ThumbnailCache
from search.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder, TurnedEncoder

API = "/api/v1"
CAPTIONED = "a red boat"


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, colour_library: Path, colour_encoder: ColourEncoder
) -> TestClient:
    thumbnails = ThumbnailCache(tmp_path_factory.mktemp("thumbnails"))
    app = make_app(colour_library, lambda _: colour_encoder, thumbnails=thumbnails)
    return TestClient(app, base_url="http://127.0.0.1:8765")


def get(client: TestClient, path: str, *, status: int = 200, **parameters: object) -> dict:
    answer = client.get(API + path, params=parameters or None)
    assert answer.status_code == status, answer.text
    return answer.json()


def names(found: dict) -> list[str]:
    return [hit["photo"]["name"] for hit in found["hits"]]


def picture(colour: str, size: tuple[int, int] = (60, 40)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def every_page(client: TestClient, **parameters: object) -> list[dict]:
    pages = [get(client, "/search", **parameters)]
    while pages[-1]["next"]:
        pages.append(get(client, "/search", **parameters, cursor=pages[-1]["next"]))
    return pages


def test_words_rank_and_copies_are_stacked(client: TestClient) -> None:
    found = get(client, "/search", q="red", limit=4)
    assert found["is_ranked"]
    assert found["total"] == 29
    assert {name[:3] for name in names(found)} == {"red"}
    [(twin, stack)] = [
        (hit["photo"]["name"], hit["stack"]) for hit in found["hits"] if hit["stack"]
    ]
    assert {twin, stack[0]["photo"]["name"]} == {"red-0.jpg", "red-0-copy.jpg"}
    assert stack[0]["kind"] == "exact"
    assert found["hits"][0]["found_by"][0]["channel"] == "image"
    assert found["query"]["terms"][0]["value"] == "red"
    loose = get(client, "/search", q="red", limit=5, collapse=False)
    assert {"red-0.jpg", "red-0-copy.jpg"} < {*names(loose)}


def test_pages_of_a_ranking_have_each_photo_once(client: TestClient) -> None:
    pages = every_page(client, q="red", limit=9)
    hits = [hit for page in pages for hit in page["hits"]]
    beneath = [each["photo"]["id"] for hit in hits for each in hit["stack"]]
    assert sorted([hit["photo"]["id"] for hit in hits] + beneath) == list(range(1, 30))
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert [len(page["hits"]) for page in pages[:-1]] == [9, 9]


def test_without_words_photos_are_listed_the_newest_first(client: TestClient) -> None:
    pages = every_page(client, limit=10)
    assert not pages[0]["is_ranked"]
    hits = [hit for page in pages for hit in page["hits"]]
    assert len({hit["photo"]["id"] for hit in hits}) == len(hits) == pages[0]["total"] == 29
    order = [(hit["photo"]["taken_at"], hit["photo"]["id"]) for hit in hits]
    assert order == sorted(order, reverse=True)
    assert {hit["score"] for hit in hits} == {None}
    some = get(client, "/search", q='camera:"Camera 3" -orientation:portrait', limit=50)
    assert some["total"] == len(some["hits"]) == 7
    assert not some["is_ranked"]


def test_filters_leave_photos_out_of_a_ranking(client: TestClient) -> None:
    found = get(client, "/search", q="red after:2020-03 folder:home")
    assert found["total"] == 7
    assert names(found)[0] == "red-2.jpg"


def test_minus_and_weights_turn_a_ranking(client: TestClient) -> None:
    def best(q: str) -> str:
        [name] = names(get(client, "/search", q=q, limit=1, channels="image"))
        return name.split("-")[0]

    assert best("purple") == "purple"
    assert best("purple - blue") == "red"
    assert best("red + 8:blue") == "blue"


def test_more_and_less_like_photos(client: TestClient) -> None:
    blue = get(client, "/search", q="blue", limit=2)["hits"]
    ids = [hit["photo"]["id"] for hit in blue]
    found = get(client, "/search", like=ids[0], unlike=ids[1], limit=3)
    shown = [hit["photo"]["id"] for hit in found["hits"]]
    assert not {*ids} & {*shown}
    assert found["query"]["like"], found["query"]["unlike"] == ([ids[0]], [ids[1]])
    assert found["cut_off"] is None
    assert get(client, "/search", like=99999, status=400)["type"].endswith(":query")


def test_a_photo_that_is_handed_over_is_searched_by(client: TestClient) -> None:
    files = {"photo": ("drop.png", picture("blue"), "image/png")}
    answer = client.post(f"{API}/search", files=files, data={"q": "red", "limit": "3"})
    assert answer.status_code == 200
    found = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert names(found)[0].startswith("purple")
    key = found["query"]["photo"]
    assert found["query"]["terms"][-1] == {
        "kind": "photo", "value": key, "weight": 1.0, "written": "", "edits": None,
    }  # fmt: skip
    again = get(client, "/search", q="red", photo=key, limit=3)
    assert names(again) == names(found)
    assert names(get(client, "/search", photo=key, limit=1))[0].startswith("blue")
    small = client.get(f"{API}/handed-over/{key}/thumbnail")
    with Image.open(BytesIO(small.content)) as image:
        assert (image.format, image.size) == ("WEBP", (60, 40))


def test_what_is_no_photo_cannot_be_searched_by(client: TestClient) -> None:
    for data in (b"", b"no photo at all", picture("red")[:40]):
        answer = client.post(f"{API}/search", files={"photo": ("a.png", data, "image/png")})
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:sightseek:problem:photo"
        assert "cannot be searched by" in answer.json()["detail"]


def test_a_photo_that_was_never_handed_over_is_missing(client: TestClient) -> None:
    key = "0" * 32
    assert "Hand it over again" in get(client, "/search", photo=key, status=404)["detail"]
    get(client, f"/handed-over/{key}/thumbnail", status=404)


def test_a_handed_over_photo_survives_a_change_of_the_model(
    tmp_path: Path, colour_encoder: ColourEncoder, turned: TurnedEncoder, paint: Callable[..., Path]
) -> None:
    for colour in ("red", "green", "blue"):
        paint(tmp_path / "photos" / f"{colour}.png", colour)
    encoders = {each.space.model: each for each in (colour_encoder, turned)}
    with Library.open(tmp_path / "library", writable=True) as library:
        index_photos([tmp_path / "photos"], library, colour_encoder)
    app = make_app(tmp_path / "library", encoders.__getitem__)
    client = TestClient(app, base_url="http://127.0.0.1:8765")
    posted = client.post(f"{API}/search", files={"photo": ("a.png", picture("blue"))}).json()
    assert (posted["model"], names(posted)[0]) == ("colours", "blue.png")
    with Library.open(tmp_path / "library", writable=True) as library:
        index_photos([tmp_path / "photos"], library, turned, switch=True)
    found = get(client, "/search", photo=posted["query"]["photo"])
    assert (found["model"], names(found)[0]) == ("turned", "blue.png")


def test_a_browser_that_has_an_answer_is_told_so(client: TestClient) -> None:
    for path in ("/search?q=red", "/search", "/facets", "/photos/1", "/photos/1/captions"):
        first = client.get(API + path)
        known = {"If-None-Match": first.headers["etag"]}
        assert client.get(API + path, headers=known).status_code == 304
        other = client.get(f"{API}/search?q=green", headers=known)
        assert other.status_code == 200


def test_an_answer_is_made_anew_once_the_library_has_changed(
    tmp_path: Path, colour_encoder: ColourEncoder, paint: Callable[..., Path]
) -> None:
    paint(tmp_path / "photos" / "a.png", "red")
    with Library.open(tmp_path / "library", writable=True) as library:
        index_photos([tmp_path / "photos"], library, colour_encoder)
    app = make_app(tmp_path / "library", lambda _: colour_encoder)
    client = TestClient(app, base_url="http://127.0.0.1:8765")
    first = client.get(f"{API}/search?q=red")
    assert get(client, "/facets")["total"] == 1
    paint(tmp_path / "photos" / "b.png", "red", shade=3)
    with Library.open(tmp_path / "library", writable=True) as library:
        index_photos([tmp_path / "photos"], library, colour_encoder)
    known = {"If-None-Match": first.headers["etag"]}
    later = client.get(f"{API}/search?q=red&collapse=false", headers=known)
    assert later.status_code == 200
    assert sorted(names(later.json())) == ["a.png", "b.png"]
    assert get(client, "/facets")["total"] == 2


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"q": "foo:bar"}, 400),
        ({"q": "dog +"}, 400),
        ({"q": " + ".join("a" * 33)}, 400),
        ({"q": "red", "channels": "smell"}, 400),
        ({"q": "red", "channels": ""}, 400),
        ({"q": "red", "cursor": "nonsense"}, 400),
        ({"q": "red", "cursor": "W10"}, 400),
        ({"q": "x" * 2001}, 422),
        ({"q": "red", "like": "1,x"}, 422),
        ({"q": "red", "limit": 0}, 422),
        ({"q": "red", "limit": 201}, 422),
        ({"q": "red", "target": "films"}, 422),
        ({"photo": "../../etc/passwd"}, 422),
    ],
)
def test_what_means_nothing_is_refused_with_the_reason(
    client: TestClient, parameters: dict[str, object], status: int
) -> None:
    problem = get(client, "/search", status=status, **parameters)
    assert problem["status"] == status
    assert problem["detail"]


def test_a_cursor_is_of_its_query_alone(client: TestClient) -> None:
    following = get(client, "/search", q="red", limit=5)["next"]
    assert (
        "another query" in get(client, "/search", q="blue", cursor=following, status=400)["detail"]
    )
    assert get(client, "/search", q=" red ", limit=7, cursor=following)["hits"][0]["rank"] == 6


def test_a_query_is_told_with_its_edits(client: TestClient) -> None:
    told = get(client, "/query", q="horse  -  fence after:2021")
    assert told["text"] == "horse - fence after:2021"
    horse, fence = told["terms"]
    assert horse["edits"] == {
        "without": "- fence after:2021", "negated": "- horse - fence after:2021",
        "heavier": "2:horse - fence after:2021", "lighter": "0.5:horse - fence after:2021",
    }  # fmt: skip
    assert (fence["weight"], fence["written"]) == (-1, "- fence")
    assert fence["edits"]["heavier"] == "horse - 2:fence after:2021"
    [after] = told["filters"]
    assert (after["key"], after["value"]) == ("after", "2021")
    assert after["edits"]["negated"] == "horse - fence -after:2021"
    assert get(client, "/query", q="4:a")["terms"][0]["edits"]["heavier"] is None


def test_terms_and_filters_are_put_into_a_query_and_taken_out(client: TestClient) -> None:
    told = get(
        client, "/query", q="horse after:2021 -camera:x",
        add=["after:2022", "- boat", 'camera:"pixel 7"'], drop=["after", "camera"],
    )  # fmt: skip
    assert told["text"] == 'horse - boat -camera:x after:2022 camera:"pixel 7"'


def values(facet: list[dict]) -> dict[str, int]:
    return {each["value"]: each["count"] for each in facet}


def test_facets_count_what_passes_the_filters(client: TestClient) -> None:
    facets = get(client, "/facets", q="red")
    assert facets["total"] == 29
    assert values(facets["months"]) == {"2020-01": 8, "2020-02": 7, "2020-03": 7, "2020-04": 7}
    assert values(facets["orientations"]) == {"landscape": 15, "portrait": 7, "square": 7}
    assert values(facets["cameras"])["Colour Camera 0"] == 8
    assert {each["label"]: each["count"] for each in facets["folders"]} == {"home": 15, "trip": 14}
    month = facets["months"][1]
    assert month["text"] == "red after:2020-02 before:2020-03"
    chosen = get(client, "/facets", q=month["text"])
    assert chosen["total"] == 7
    assert values(chosen["orientations"]) == {"portrait": 7}
    assert values(chosen["months"]) == values(facets["months"])  # so that another can be chosen
    assert [each["is_selected"] for each in chosen["months"]] == [False, True, False, False]
    assert chosen["months"][1]["text"] == "red"
    assert chosen["months"][2]["text"] == "red after:2020-03 before:2020-04"


@pytest.mark.parametrize(
    "name", ["months", "cameras", "folders", "orientations", "formats", "ratings"]
)
def test_a_facet_counts_what_its_text_finds(client: TestClient, name: str) -> None:
    for value in get(client, "/facets", q="red orientation:landscape")[name]:
        found = get(client, "/search", q=value["text"], limit=1)
        expected = value["count"]
        if value["is_selected"]:
            continue
        assert found["total"] == expected
        chosen = get(client, "/facets", q=value["text"])
        [same] = [each for each in chosen[name] if each["value"] == value["value"]]
        assert same["is_selected"]
        assert same["count"] == expected


def complete(client: TestClient, text: str, caret: int | None = None) -> list[str]:
    at = {} if caret is None else {"caret": caret}
    return [each["text"] for each in get(client, "/completions", q=text, **at)["completions"]]


def test_keys_and_values_are_completed(client: TestClient) -> None:
    assert complete(client, "dog cam") == ["dog camera:"]
    assert complete(client, "dog -or") == ["dog -orientation:"]
    assert complete(client, 'camera:"colour camera 2') == ['camera:"Colour Camera 2" ']
    assert complete(client, "camera:2") == ['camera:"Colour Camera 2" ']
    assert complete(client, "-orientation:s") == ["-orientation:square ", "-orientation:landscape "]
    assert complete(client, "after:202") == ["after:2020 "]
    assert complete(client, "after:2020")[:2] == ["after:2020-04 ", "after:2020-03 "]
    assert complete(client, "folder:tri")[0].endswith("/photos/trip ")
    assert complete(client, "has:gp") == ["has:gps "]
    assert len(complete(client, "")) == 13
    for nothing in ("dog ", "dog red", "foo:", "near:1", '"cam', "12"):
        assert complete(client, nothing) == []


def test_what_stands_behind_the_caret_stays(client: TestClient) -> None:
    assert complete(client, "orientation:po + sea", caret=14) == ["orientation:portrait + sea"]
    assert complete(client, "orientation:poxx sea", caret=14) == ["orientation:portrait sea"]
    emoji = "🐕 cam sea"  # two units of UTF-16, as browsers count
    [found] = get(client, "/completions", q=emoji, caret=6)["completions"]
    assert (found["text"], found["caret"]) == ("🐕 camera: sea", 10)


def test_what_is_completed_is_read_as_it_was_meant(client: TestClient) -> None:
    for key in ("camera", "format", "orientation", "folder", "after"):
        for text in complete(client, f"{key}:"):
            assert get(client, "/search", q=text, limit=1)["total"] > 0


def test_photos_that_show_the_same_are_found(client: TestClient) -> None:
    photos = [hit["photo"] for hit in get(client, "/search", limit=50)["hits"]]
    one, other = (each["id"] for each in photos if each["name"].startswith("red-0"))
    same = get(client, f"/photos/{one}/duplicates")
    assert [(each["photo"]["id"], each["kind"]) for each in same["others"]] == [(other, "exact")]
    get(client, "/photos/99999/duplicates", status=404)


def test_a_photo_is_told_with_its_captions_and_those_for_it_are_ranked(
    tmp_path: Path, colour_encoder: ColourEncoder, paint: Callable[..., Path]
) -> None:
    for colour in ("red", "green", "blue"):
        path = paint(tmp_path / "photos" / f"{colour}.png", colour)
        path.with_suffix(".txt").write_text(f"a {colour} boat\n")
    with Library.open(tmp_path / "library", writable=True) as library:
        index_photos([tmp_path / "photos"], library, colour_encoder)
    app = make_app(tmp_path / "library", lambda _: colour_encoder)
    client = TestClient(app, base_url="http://127.0.0.1:8765")
    [red] = get(client, "/search", q="red", limit=1)["hits"]
    told = get(client, f"/photos/{red['photo']['id']}")
    assert [caption["text"] for caption in told["captions"]] == [CAPTIONED]
    assert (told["media_type"], told["is_displayable"]) == ("image/png", True)
    first = get(client, f"/photos/{red['photo']['id']}/captions", limit=2)
    assert first["hits"][0]["caption"]["text"] == CAPTIONED
    last = get(client, f"/photos/{red['photo']['id']}/captions", limit=2, cursor=first["next"])
    texts = {hit["caption"]["text"] for hit in (*first["hits"], *last["hits"])}
    assert texts == {CAPTIONED, "a green boat", "a blue boat"}
    assert last["next"] is None
    found = get(client, "/search", q="red boat", target="captions", limit=2)
    assert (found["total"], found["hits"][0]["told"]) == (3, CAPTIONED)
    get(client, "/photos/99999/captions", status=404)
    get(client, "/photos/99999", status=404)


def test_a_library_that_is_missing_or_empty_says_so(
    tmp_path: Path, colour_encoder: ColourEncoder
) -> None:
    app = make_app(tmp_path / "library", lambda _: colour_encoder)
    client = TestClient(app, base_url="http://127.0.0.1:8765")
    for path in ("/search", "/search?q=red", "/facets", "/photos/1", "/completions?q=camera:"):
        problem = get(client, path, status=503)
        assert "There is no library" in problem["detail"]
    with Library.open(tmp_path / "library", writable=True):
        pass
    assert get(client, "/search")["hits"] == []
    assert get(client, "/facets")["months"] == []
    assert "is empty" in get(client, "/search?q=red", status=503)["detail"]


def test_months_stand_without_gaps_but_for_those_of_many_years() -> None:
    from search.web.faceting import _without_gaps

    near = list(_without_gaps(["2021-11", "2022-02"]))
    assert near == ["2021-11", "2021-12", "2022-01", "2022-02"]
    assert list(_without_gaps(["1904-01", "2022-02"])) == ["1904-01", "2022-02"]
    assert all(a < b for a, b in pairwise(_without_gaps({"2012-03", "2020-01", "0001-01"})))
