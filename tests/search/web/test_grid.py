"""The grid in a browser: however many photos there are, only those near the window are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

COUNT = 20_000
DRAWN = 500  # tiles, at most: three to four windows of them

# walk up, by three windows at a time, and note which photos stood at which place
WALK = """
async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const seen = {};
  let drawn = 0;
  for (let last = Infinity; scrollY < last; ) {
    last = scrollY;
    const tiles = document.querySelectorAll(".tile");
    drawn = Math.max(drawn, tiles.length);
    for (const tile of tiles) {
      (seen[tile.dataset.index] ??= []).push(tile.querySelector(".tile__name").textContent);
    }
    scrollBy({ top: -3 * innerHeight, behavior: "instant" });
    await frame();
  }
  return { drawn, seen: Object.entries(seen).map(([at, names]) => [+at, ...new Set(names)]) };
}
"""


def test_20_000_photos_stand_in_order_and_few_are_drawn(
    serve: Callable[[Path], str], vast_library: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(vast_library), viewport={"width": 1280, "height": 2400})
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
    walked = page.evaluate(WALK)
    assert [[at, name.split(" · ")[0]] for at, name in walked["seen"]] == [
        [at, f"{COUNT - 1 - at:05}.jpg"] for at in range(COUNT)
    ]
    assert walked["drawn"] < DRAWN
    assert page.evaluate("document.querySelectorAll('*').length") < 10 * DRAWN
