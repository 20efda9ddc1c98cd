"""The grid in a browser: however many photos there are, only those near the window are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

COUNT = 20_000
DRAWN = 200  # tiles, at most: three to four windows of them

# go up in leaps, and note which photos stand at which place, and whether they fill the window
LEAP = """
async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const seen = [];
  let [drawn, gaps] = [0, 0];
  for (let last = Infinity; scrollY < last; ) {
    last = scrollY;
    const tiles = [...document.querySelectorAll(".tile")];
    const rows = [...document.querySelectorAll(".row")].map((row) => row.getBoundingClientRect());
    drawn = Math.max(drawn, tiles.length);
    gaps += rows.some((row, at) => at > 0 && Math.abs(row.top - rows[at - 1].bottom - 6) > 1);
    seen.push(tiles.map((tile) => [+tile.dataset.index, tile.querySelector("img").alt]));
    scrollBy({ top: -17 * innerHeight, behavior: "instant" });
    await frame();
  }
  return { drawn, gaps, seen };
}
"""


def test_20_000_photos_stand_in_order_and_few_are_drawn(
    serve: Callable[[Path], str], vast_library: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(vast_library), viewport={"width": 1280, "height": 1200})
    expect(page.locator(".summary")).to_have_text("20,000 photos, newest first")
    estimated = page.evaluate("document.documentElement.scrollHeight")

    page.locator(".tile a").first.focus()
    page.keyboard.press("Control+End")
    last = page.locator(".tile").last
    expect(last).to_contain_text("00000.jpg", timeout=20_000)
    expect(last.locator("a")).to_be_focused()
    expect(last.locator("img")).to_have_js_property("complete", value=True)
    expect(last.locator("img")).not_to_have_js_property("naturalWidth", 0)
    height = page.evaluate("document.documentElement.scrollHeight")
    assert abs(height - estimated) < 0.1 * height

    page.evaluate("document.activeElement.blur()")
    leapt = page.evaluate(LEAP)
    assert len(leapt["seen"]) > 50
    for window in leapt["seen"]:
        first = window[0][0]
        expected = [(first + at, f"{COUNT - 1 - first - at:05}.jpg") for at in range(len(window))]
        assert [(at, name.split(",")[0]) for at, name in window] == expected
    assert leapt["seen"][0][-1][0] == COUNT - 1
    assert leapt["seen"][-1][0][0] == 0
    assert leapt["gaps"] == 0
    assert leapt["drawn"] < DRAWN
    assert page.evaluate("document.querySelectorAll('*').length") < 10 * DRAWN
