"""The page in a browser: search, refine, hand a photo over, come back to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

DROP = """
([bytes, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector("main").dispatchEvent(event);
  }
}
"""


# where one is, is kept once one rests there
KEPT = """
async () => {
  for (let frame = 0; !history.state && frame < 600; frame += 1) {
    await new Promise(requestAnimationFrame);
  }
}
"""


def names(page: Page) -> list[str]:
    """The names of the photos that are shown, in order."""
    return [text.split(" · ")[0] for text in page.locator(".tile__name").all_text_contents()]


def expect_first(page: Page, name: str) -> None:
    expect(page.locator(".tile__name").first).to_contain_text(name)


def expect_last(page: Page, name: str) -> None:
    expect(page.locator(".tile__name").last).to_contain_text(name)


def expect_address(page: Page, query: str) -> None:
    expect(page).to_have_url(re.compile(re.escape(query) + "$"))


def test_all_photos_are_shown_newest_first(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    expect(page.locator(".summary")).to_have_text("29 photos, newest first")
    expect(page.locator(".tile")).to_have_count(29)
    assert names(page)[0] == "orange-3.jpg"


def test_what_is_typed_is_found_and_the_address_holds_it(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(site)
    expect_first(page, "orange-3")
    page.keyboard.press("/")
    page.keyboard.type("a red wall", delay=5)
    expect_first(page, "red-")
    assert all(name.startswith("red-") for name in names(page)[:4])
    expect_address(page, "/?q=a+red+wall")

    page.keyboard.press("Enter")
    page.get_by_label("Search photos").fill("blue")
    expect_first(page, "blue-")
    page.reload()
    expect(page.get_by_label("Search photos")).to_have_value("blue")
    expect_first(page, "blue-")

    page.go_back()
    expect_first(page, "red-")
    expect(page.get_by_label("Search photos")).to_have_value("a red wall")
    page.go_back()
    expect_first(page, "orange-3")
    expect(page.get_by_label("Search photos")).to_have_value("")
    page.go_forward()
    expect_first(page, "red-")


def test_a_search_is_refined_by_what_it_shall_not_be(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=yellow")
    expect_last(page, "blue-")
    page.get_by_role("button", name="without another term").click()
    expect(page.get_by_label("Search photos")).to_be_focused()
    page.keyboard.type("green", delay=5)
    expect_last(page, "green-")
    expect_address(page, "/?q=yellow+-+green")

    asked = page.get_by_role("group", name="What is searched for")
    asked.get_by_role("button", name="yellow counts more").click()
    expect_address(page, "/?q=2:yellow+-+green")
    asked.get_by_role("button", name="Look for green again").click()
    expect_last(page, "blue-")
    asked.get_by_role("button", name="Remove green").click()
    expect_address(page, "/?q=2:yellow")
    expect(page.get_by_label("Search photos")).to_have_value("2:yellow")


def test_a_photo_that_is_dropped_is_searched_by_with_words(
    site: str, open_page: Callable[..., Page], colour_library: Path
) -> None:
    page = open_page(site)
    expect_first(page, "orange-3")
    photo = colour_library.parent / "photos" / "trip" / "blue-1.jpg"
    page.evaluate(DROP, [list(photo.read_bytes()), photo.name])
    expect_first(page, "blue-")
    expect(page).to_have_url(re.compile(r"/\?photo=\w+"))
    expect(page.locator(".chip__picture img")).to_have_js_property("complete", value=True)

    page.keyboard.press("/")
    page.keyboard.type("red", delay=5)
    expect_first(page, "purple-")  # blue with red
    page.reload()  # the server holds the photo
    expect_first(page, "purple-")
    page.get_by_role("button", name="Remove Your photo").click()
    expect_first(page, "red-")


def test_keys_and_values_of_filters_are_completed(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(site)
    box = page.get_by_role("combobox", name="Search photos")
    box.press_sequentially("red came", delay=5)
    expect(page.get_by_role("option").first).to_contain_text("camera:")
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("red camera:")
    page.get_by_role("option").filter(has_text="Camera 2").click()
    expect_first(page, "red-2")
    expect(page.locator(".tile")).to_have_count(7)
    expect(box).to_be_focused()


def test_keys_walk_the_photos_and_open_one(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    expect(page.locator(".tile")).to_have_count(29)
    page.locator(".tile a").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".tile a").nth(1)).to_be_focused()
    assert page.locator(".tile a[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?view=\d+"))


def test_what_makes_no_sense_is_said_below_the_box(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(site, expect=(400, 422))
    expect_first(page, "orange-3")
    page.get_by_label("Search photos").fill("red colour:blue")
    page.keyboard.press("Enter")
    expect(page.locator("#box-problem")).to_contain_text("'colour' is no filter")


def test_the_page_speaks_the_language_and_wears_the_theme_that_one_chooses(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{site}/?q=red", locale="zh-CN", color_scheme="dark")
    expect(page.get_by_role("combobox", name="搜索照片")).to_be_visible()
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="跟随系统").click()
    assert page.evaluate(ground) != dark
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("combobox", name="Search photos")).to_have_value("red")
    assert page.evaluate(ground) != dark
    page.goto(site)
    expect(page.get_by_role("combobox", name="Search photos")).to_be_visible()


def test_a_step_back_leads_to_where_one_was(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site, viewport={"width": 700, "height": 400})
    expect(page.locator(".tile").first).to_be_visible()
    page.get_by_role("link", name="green-2.jpg").scroll_into_view_if_needed()
    page.evaluate(KEPT)
    before = page.evaluate("scrollY")
    assert before > 300
    page.keyboard.press("/")
    assert page.evaluate("scrollY") == before
    page.keyboard.type("blue")
    expect_first(page, "blue-")
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect_first(page, "orange-3")
    assert page.evaluate("scrollY") == before
    page.reload()
    expect(page.get_by_role("link", name="green-2.jpg")).to_be_in_viewport()
