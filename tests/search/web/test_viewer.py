"""The viewer in a browser: walk by keys, look closely, more and less like a photo, its captions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from indexer.library import Library
from indexer.pipeline import index_photos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder
    from playwright.sync_api import Page, Request


@pytest.fixture(scope="module")
def told_library(tmp_path_factory: pytest.TempPathFactory, colour_encoder: ColourEncoder) -> Path:
    """A library of a large red photo, with a position, and a green one; both have a caption."""
    folder = tmp_path_factory.mktemp("told")
    (folder / "photos").mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (48.0, 51.0, 30.24), 3: "E", 4: (2.0, 17.0, 40.2)}  # 48.8584, 2.2945
    )
    Image.new("RGB", (3000, 2000), "red").save(folder / "photos" / "large.jpg", exif=exif)
    Image.new("RGB", (300, 200), "green").save(folder / "photos" / "small.jpg")
    told = folder / "captions.csv"
    told.write_text("image,caption\nlarge.jpg,a red wall\nsmall.jpg,green <b>grass</b>\n")
    with Library.open(folder / "library", writable=True) as library:
        index_photos([folder / "photos"], library, colour_encoder, captions=[told])
    return folder / "library"


def place(page: Page) -> str:
    return page.locator(".viewer__place").inner_text()


def opened(page: Page, which: int | str = 0) -> None:
    tiles = page.locator(".tile__link")
    (tiles.nth(which) if isinstance(which, int) else tiles.filter(has_text=which)).click()
    expect(page.locator("#viewer")).to_be_visible()


def fact(page: Page, name: str) -> str:
    return page.locator(f".fact--{name} dd").first.inner_text()


def test_keys_walk_the_results(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    first = page.locator(".tile__link").first
    first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".viewer__place")).to_have_text("1 of 29")
    page.keyboard.press("ArrowLeft")  # there is nothing before
    page.keyboard.press("ArrowRight")
    expect(page.locator(".viewer__place")).to_have_text("2 of 29")
    page.keyboard.press("End")
    expect(page.locator(".viewer__place")).to_have_text("29 of 29")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    expect(page.locator(".viewer__place")).to_have_text("28 of 29")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".viewer__place")).to_have_text("2 of 29")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    assert page.url == f"{site}/"
    seen = page.locator('.tile[data-index="1"] .tile__link')
    expect(seen).to_be_focused()  # the photo that was looked at last, not the first


def test_the_keys_are_told_and_put_away_without_closing_the_viewer(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(site)
    opened(page)
    page.keyboard.press("?")
    expect(page.get_by_role("group", name="Keys")).to_contain_text("Next and previous photo")
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="Keys")).to_be_hidden()
    expect(page.locator("#viewer")).to_be_visible()


def test_the_focus_stays_in_the_viewer(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    opened(page)
    for _ in range(24):
        page.keyboard.press("Tab")
        where = "document.activeElement.closest('#viewer') !== null || !document.hasFocus()"
        assert page.evaluate(f"{where} || document.activeElement === document.body")


def test_back_closes_the_viewer_and_a_reload_opens_it_again(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=blue")
    opened(page, 1)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".viewer__place")).to_have_text(re.compile("^3 of"))
    name = page.locator(".viewer__heading").inner_text()
    address = page.url
    page.reload()
    expect(page.locator(".viewer__heading")).to_have_text(name)
    expect(page.locator(".viewer__place")).to_have_text(re.compile("^3 of"))
    page.go_back()
    expect(page.locator("#viewer")).to_be_hidden()
    assert page.url == f"{site}/?q=blue"
    page.go_forward()
    expect(page.locator(".viewer__heading")).to_have_text(name)
    assert page.url == address


def test_facts_are_shown_as_they_are(
    serve: Callable[[Path], str], told_library: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(told_library), viewport={"width": 1400, "height": 800})
    opened(page, "large.jpg")
    assert fact(page, "size") == "3,000 \N{MULTIPLICATION SIGN} 2,000"
    assert fact(page, "file") == "large.jpg"
    assert fact(page, "position") == "48.8584° N, 2.2945° E"
    expect(page.locator(".facts__geo")).to_have_text("geo:48.8584,2.2945")
    assert page.locator(".fact--position a").count() == 0  # text alone: no map is asked
    page.keyboard.press("i")
    expect(page.locator(".facts")).to_be_hidden()


def test_keys_buttons_and_the_wheel_zoom(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    opened(page)
    scale = page.locator(".viewer__scale")
    whole = scale.inner_text()
    page.keyboard.press("+")
    expect(scale).not_to_have_text(whole)
    before = page.url
    page.keyboard.press("ArrowRight")  # moves what is seen, not on to the next
    assert page.url == before
    page.keyboard.press("0")
    expect(scale).to_have_text(whole)
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom out").click()
    expect(scale).to_have_text(whole)
    page.locator(".viewer__picture").dblclick()
    expect(scale).not_to_have_text(whole)
    page.locator(".viewer__picture").dblclick()
    page.mouse.wheel(0, -400)
    expect(scale).not_to_have_text(whole)


def test_the_original_is_loaded_only_when_thumbnails_are_not_sharp_enough(
    serve: Callable[[Path], str], told_library: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(told_library))
    asked = list[str]()
    page.on("request", lambda request: asked.append(_shown(request)))
    opened(page, "large.jpg")
    expect(page.locator(".is-sharp")).to_be_visible()
    assert "original" not in asked
    page.locator(".viewer__picture").dblclick()  # a pixel for a pixel
    expect(page.locator(".viewer__scale")).to_have_text("100%")
    expect(page.locator(".viewer__image")).to_have_attribute("src", re.compile("/original"))
    assert "original" in asked


def _shown(request: Request) -> str:
    return "original" if "/original" in request.url else "thumbnail"


def test_more_and_less_like_a_photo_refine_the_results(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=red")
    expect(page.locator(".tile__name").first).to_contain_text("red-")
    opened(page, 5)
    page.keyboard.press("s")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator(".chip--photo")).to_have_count(1)
    assert re.search(r"like=\d+$", page.url)
    opened(page, 2)
    page.keyboard.press("x")
    expect(page.locator(".chip--photo")).to_have_count(2)
    assert re.search(r"like=\d+&unlike=\d+$", page.url)
    page.locator(".chip--photo button").first.click()
    expect(page.locator(".chip--photo")).to_have_count(1)
    page.go_back()
    expect(page.locator(".chip--photo")).to_have_count(2)


def test_nothing_can_be_less_where_nothing_ranks(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    opened(page)
    less = page.get_by_role("button", name="Less like this")
    expect(less).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("x")
    expect(page.locator("#viewer")).to_be_visible()
    assert "unlike" not in page.url


def test_photos_that_show_the_same_are_a_strip(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{site}/?q=red")
    page.locator(".tile__stack").first.click()
    strip = page.locator(".strip")
    expect(strip.get_by_role("button")).to_have_text(["Best", "Same file"])
    expect(strip.get_by_role("button").nth(1)).to_be_focused()
    first = page.locator(".viewer__heading").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".viewer__heading")).not_to_have_text(first)
    expect(strip.locator("[aria-current=true]")).to_have_text("Same file")
    where = place(page)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".viewer__heading")).to_have_text(first)
    assert place(page) == where


def test_captions_of_the_library_are_ranked_for_the_photo(
    serve: Callable[[Path], str], told_library: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(told_library))
    opened(page, "large.jpg")
    page.keyboard.press("c")
    own = page.locator("#viewer-told ul .told__text")
    expect(own).to_have_text(["a red wall"])
    ranked = page.locator(".told--ranked .told__text")
    expect(ranked).to_have_text(["a red wall", "green <b>grass</b>"])  # text, never markup
    page.get_by_role("button", name="Show its photo small.jpg").click()
    expect(page.locator(".viewer__heading")).to_have_text("small.jpg")
    page.go_back()
    expect(page.locator(".viewer__heading")).to_have_text("large.jpg")


def test_a_photo_that_is_no_more_is_said_to_be(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{site}/?view=999999", expect=(404,))
    expect(page.locator(".viewer__problem")).to_contain_text("holds this photo no more")
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(29)


def test_swipes_walk_and_double_taps_look_closely(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(site, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    page.locator(".tile__link").first.tap()
    expect(page.locator(".viewer__place")).to_have_text("1 of 29")
    client = page.context.new_cdp_session(page)
    touch = "Input.dispatchTouchEvent"
    client.send(touch, {"type": "touchStart", "touchPoints": [{"x": 300, "y": 400}]})
    for x in (240, 180, 120):
        client.send(touch, {"type": "touchMove", "touchPoints": [{"x": x, "y": 400}]})
    client.send(touch, {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".viewer__place")).to_have_text("2 of 29")
    whole = page.locator(".viewer__scale").text_content()
    apart = [{"x": 150, "y": 400, "id": 0}, {"x": 240, "y": 400, "id": 1}]
    client.send(touch, {"type": "touchStart", "touchPoints": apart})
    wider = [{"x": 80, "y": 400, "id": 0}, {"x": 320, "y": 400, "id": 1}]
    client.send(touch, {"type": "touchMove", "touchPoints": wider})
    client.send(touch, {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".viewer__scale")).not_to_have_text(whole or "")
