"""The panel of filters in a browser: by date, by camera, and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page


@pytest.fixture
def panel(site: str, open_page: Callable[..., Page]) -> Page:
    page = open_page(site)
    page.get_by_role("button", name="Filters", exact=True).click()
    expect(page.locator(".filters__total")).to_have_text("29 photos pass")
    return page


def test_a_month_that_is_chosen_leaves_the_others_out(panel: Page, site: str) -> None:
    panel.get_by_role("button", name="Feb 2020: 7 photos").click()
    expect(panel.locator(".tile")).to_have_count(7)
    assert panel.url == f"{site}/?q=after:2020-02+before:2020-03"
    names = panel.locator(".tile__name").all_text_contents()
    assert all("-1.jpg" in name for name in names)
    chosen = panel.get_by_role("button", name="Feb 2020: 7 photos")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(chosen).to_be_focused()
    chosen.click()
    expect(panel.locator(".tile")).to_have_count(29)
    assert panel.url == f"{site}/"


def test_a_drag_over_the_timeline_chooses_a_range(panel: Page, site: str) -> None:
    bars = panel.locator(".timeline__bars span")
    expect(bars).to_have_count(4)
    first, last = bars.nth(1).bounding_box(), bars.nth(2).bounding_box()
    assert first
    assert last
    panel.mouse.move(first["x"] + 5, first["y"] + 5)
    panel.mouse.down()
    panel.mouse.move(last["x"] + 5, last["y"] + 5, steps=3)
    expect(panel.locator(".timeline__said")).to_have_text(
        "Feb 2020 \N{EN DASH} Mar 2020: 14 photos"
    )
    panel.mouse.up()
    expect(panel.locator(".tile")).to_have_count(14)
    assert panel.url == f"{site}/?q=after:2020-02+before:2020-04"


def test_sliders_choose_dates_by_keys(panel: Page, site: str) -> None:
    start = panel.get_by_role("slider", name="From")
    start.press("ArrowRight")
    expect(start).to_have_attribute("aria-valuetext", "February 2020")
    start.press("ArrowRight")
    expect(panel.locator(".tile")).to_have_count(14)
    assert panel.url == f"{site}/?q=after:2020-03"
    expect(start).to_be_focused()
    panel.get_by_role("slider", name="To").press("Home")  # no earlier than the start
    expect(panel.locator(".tile")).to_have_count(7)
    assert panel.url == f"{site}/?q=after:2020-03+before:2020-04"


def test_values_go_into_the_query_and_out_again(panel: Page, site: str) -> None:
    camera = panel.get_by_role("checkbox", name="Colour Camera 3")
    camera.check()
    expect(panel.locator(".tile")).to_have_count(7)
    assert "camera:" in panel.url
    expect(panel.locator(".chip")).to_contain_text(["Colour Camera 3"])
    expect(camera).to_be_checked()
    expect(camera).to_be_focused()
    shape = panel.get_by_role("checkbox", name="Portrait")
    expect(shape).to_have_count(0)  # no photo of that camera is one
    panel.get_by_role("button", name="Clear all").click()
    expect(panel.locator(".tile")).to_have_count(29)
    assert panel.url == f"{site}/"


def test_the_sheet_of_a_phone_keeps_the_focus_and_shows_what_passes(
    site: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(site, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    page.get_by_role("button", name="Filters", exact=True).tap()
    page.get_by_role("checkbox", name="Portrait").check()
    done = page.get_by_role("button", name="Show 7 photos")
    expect(done).to_be_visible()
    assert page.evaluate("document.getElementById('grid').closest('[inert]') !== null")
    done.tap()
    expect(page.locator(".tile")).to_have_count(7)
    expect(page.get_by_role("button", name="Filters", exact=True)).to_be_focused()
