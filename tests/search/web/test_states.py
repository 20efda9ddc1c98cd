"""What the page says when there is nothing to see, and while the indexer is at work."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from indexer.library import Library
from indexer.pipeline import index_photos
from indexer.progress import published
from indexer.records import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder
    from playwright.sync_api import Page, Route


def add(folder: Path, encoder: ColourEncoder, *colours: str) -> None:
    """Index a photo of each colour into the library of a folder."""
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for colour in colours:
        Image.new("RGB", (60, 40), colour).save(photos / f"{colour}.png")
    with Library.open(folder / "library", writable=True) as library:
        index_photos([photos], library, encoder)


def test_a_library_that_is_missing_appears_once_it_is_there(
    tmp_path: Path,
    serve: Callable[[Path], str],
    colour_encoder: ColourEncoder,
    open_page: Callable[..., Page],
) -> None:
    page = open_page(serve(tmp_path / "library"), expect=(503,))
    expect(page.get_by_role("heading", name="There is no library yet")).to_be_visible()
    command = page.locator(".command code").inner_text()
    assert command == f"sightseek index ~/Photos --library {tmp_path / 'library'}"
    add(tmp_path, colour_encoder, "red", "blue")
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator("#status")).to_be_hidden()


def test_a_run_of_the_indexer_is_shown_as_it_goes_on(
    tmp_path: Path,
    serve: Callable[[Path], str],
    colour_encoder: ColourEncoder,
    open_page: Callable[..., Page],
) -> None:
    add(tmp_path, colour_encoder, "red")
    page = open_page(serve(tmp_path / "library"))
    expect(page.locator(".tile")).to_have_count(1)
    with published(tmp_path / "library") as publish:
        publish(Progress("photos", 3, 10))
        expect(page.locator(".indexing__text")).to_have_text("Indexing: 3 of 10 photos")
        assert page.get_by_role("progressbar", name="Indexing").get_attribute("value") == "3"
        add(tmp_path, colour_encoder, "blue", "green")
        publish(Progress("photos", 10, 10))
        fresh = page.get_by_role("button", name="Show 2 new photos")
        expect(fresh).to_be_visible()
        assert page.locator(".tile").count() == 1  # nothing moves under whoever looks at it
        fresh.click()
        expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator("#status")).to_be_hidden()


@pytest.fixture
def damaged(tmp_path: Path, colour_library: Path) -> Path:
    folder = tmp_path / "library"
    shutil.copytree(colour_library, folder)
    (folder / "catalog.sqlite").write_bytes(b"no database")
    return folder


def test_a_library_that_cannot_be_used_says_why(
    damaged: Path, serve: Callable[[Path], str], open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(damaged), expect=(503,))
    expect(page.get_by_role("heading", name="The library cannot be used")).to_be_visible()
    expect(page.locator(".notice")).to_contain_text("catalog.sqlite")


def test_filters_that_nothing_passes_can_be_taken_out_one_by_one(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=red+camera:leica+after:2019")
    expect(page.get_by_role("heading", name="No photo passes these filters")).to_be_visible()
    page.get_by_role("button", name="Without camera:leica").click()
    expect(page.locator(".tile").first).to_be_visible()
    assert page.url == f"{site}/?q=red+after:2019"


def test_a_query_that_cannot_be_read_is_explained(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=after:soon", expect=(400,))
    expect(page.get_by_role("heading", name="This search cannot be read")).to_be_visible()
    expect(page.locator(".notice")).to_contain_text("'soon' is no time for after.")


def test_a_busy_server_is_asked_again(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site, expect=(429,))
    expect(page.locator(".tile").first).to_be_visible()
    left = [1]

    def answer(route: Route) -> None:
        if left and left.pop():
            route.fulfill(status=429, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    page.route("**/api/v1/search?*", answer)
    page.locator("#box").fill("green")
    expect(page.locator(".tile__name").first).to_contain_text("green-")


def test_a_server_that_does_not_answer_is_asked_again_on_demand(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=red", expect=("ERR_FAILED",))
    expect(page.locator(".tile").first).to_be_visible()
    page.route("**/api/v1/*?*", lambda route: route.abort())
    page.locator("#box").fill("green")
    expect(page.get_by_role("heading", name="sightseek does not answer")).to_be_visible()
    expect(page.locator(".tile").first).to_be_hidden()  # red ones are not what is asked for now
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".tile__name").first).to_contain_text("green-")
    expect(page.locator(".tile").first).to_be_visible()


def test_a_page_of_results_that_fails_leaves_those_before(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=camera:none", expect=(500,))
    fails = [True]

    def answer(route: Route) -> None:
        if "cursor=" in route.request.url and fails[0]:
            route.fulfill(status=500, json={"title": "Error", "detail": "The disk is full."})
        else:
            route.continue_(url=route.request.url.replace("limit=60", "limit=8"))

    page.route("**/api/v1/search?*", answer)
    page.goto(site)
    expect(page.locator(".stuck")).to_contain_text("More photos did not come: The disk is full.")
    expect(page.locator(".tile")).to_have_count(8)
    fails[0] = False
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".tile")).to_have_count(29)
    expect(page.locator("#status")).to_be_hidden()


def test_the_states_speak_chinese(
    tmp_path: Path, serve: Callable[[Path], str], open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(tmp_path / "none"), locale="zh-CN", expect=(503,))
    expect(page.get_by_role("heading", name="还没有照片库")).to_be_visible()
