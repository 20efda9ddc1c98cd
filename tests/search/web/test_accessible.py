"""WCAG 2.2 AA on each view of the page, as far as axe-core can tell."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
CHINESE = {"locale": "zh-CN"}


@pytest.fixture(scope="module")
def axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds wrong, each with the element that it is wrong with."""
    page.evaluate(f"{axe};0")  # by the browser's own protocol: the page's policy lets no script in
    found: dict[str, Any] = page.evaluate(
        # what lies behind a dialog is there for nobody
        "rules => axe.run(document.querySelector('dialog[open]') ?? document, "
        "{runOnly: rules, resultTypes: ['violations']})",
        list(RULES),
    )
    return [
        f"{each['impact']} {each['id']}: {node['html'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(
    "options", [DESKTOP, PHONE | DARK | CHINESE], ids=["desktop", "phone, dark, Chinese"]
)
def test_axe_finds_nothing_wrong(
    options: dict[str, Any], site: str, open_page: Callable[..., Page], axe: str
) -> None:
    page = open_page(site, **options)
    expect(page.locator(".tile").first).to_be_visible()
    assert not violations(page, axe)
    page.goto(f"{site}/?q=red+-+blue+-camera:3&like=2")
    expect(page.locator(".chip--photo")).to_have_count(1)
    assert not violations(page, axe)
    page.locator("#filters-toggle").click()
    page.evaluate("document.querySelectorAll('details').forEach(each => (each.open = true))")
    expect(page.locator(".facet__values li").first).to_be_visible()
    assert not violations(page, axe)
    page.locator(".filters__head .icon-button").click()
    page.locator(".tile__link").nth(1).click()
    page.keyboard.press("c")
    expect(page.locator("#viewer-told ol li, #viewer-told [role=status]").first).to_be_attached()
    assert not violations(page, axe)


def test_axe_finds_nothing_wrong_where_there_is_nothing(
    tmp_path: Path,
    site: str,
    serve: Callable[[Path], str],
    open_page: Callable[..., Page],
    axe: str,
) -> None:
    page = open_page(f"{site}/?q=camera:leica", **PHONE)
    expect(page.locator(".notice")).to_be_visible()
    assert not violations(page, axe)
    page = open_page(serve(tmp_path / "none"), expect=(503,), **DARK)
    expect(page.locator(".command")).to_be_visible()
    assert not violations(page, axe)


def test_everything_fits_at_twice_the_size(site: str, open_page: Callable[..., Page]) -> None:
    # 1280 pixels at 400 % are 320, as WCAG's Reflow (1.4.10) has it
    page = open_page(f"{site}/?q=red", viewport={"width": 320, "height": 640})
    expect(page.locator(".tile").first).to_be_visible()
    overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(overflow)
    page.locator("#filters-toggle").click()
    assert not page.evaluate(overflow)
    page.locator(".filters__head .icon-button").click()
    page.locator(".tile__link").first.click()
    for name in ("Close", "More like this", "Facts", "Download the original"):
        box = page.locator("#viewer").get_by_label(name).or_(page.get_by_role("button", name=name))
        bounds = box.first.bounding_box()
        assert bounds
        assert bounds["x"] >= 0
        assert bounds["x"] + bounds["width"] <= 320


def test_targets_are_large_enough_for_fingers(site: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{site}/?q=red", **PHONE)
    page.locator("#filters-toggle").tap()
    expect(page.locator(".facet__values li").first).to_be_visible()
    sizes = "each => each.map(one => one.getBoundingClientRect()).filter(box => box.width > 0)"
    selector = "#filters button, #filters label, #filters summary"
    for box in page.locator(selector).evaluate_all(f"each => ({sizes})(each)"):
        assert box["height"] >= 44
        assert box["width"] >= 44
