"""The page in a browser: search, refine, hand a photo over, come back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page


def names(page: Page) -> list[str]:
    """The names of the photos that are shown, in order."""
    return [text.split(" · ")[0] for text in page.locator(".tile__name").all_text_contents()]


def wait_for_first(page: Page, name: str) -> None:
    expect(page.locator(".tile__name").first).to_contain_text(name)


def test_all_photos_are_shown_newest_first(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    expect(page.locator(".summary")).to_have_text("29 photos, newest first")
    expect(page.locator(".tile")).to_have_count(29)
    assert names(page)[0] == "orange-3.jpg"


def test_what_is_typed_is_found(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(site)
    page.keyboard.press("/")
    page.keyboard.type("a red wall", delay=5)
    wait_for_first(page, "red-")
    assert all(name.startswith("red-") for name in names(page)[:4])
    assert page.url == f"{site}/?q=a+red+wall"
