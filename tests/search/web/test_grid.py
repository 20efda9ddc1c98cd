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
    expect(last).to_contain_text("00000.jpg", timeout=90_000)
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


def test_the_end_is_reached_where_stacks_leave_fewer_photos_than_there_are(
    serve: Callable[[Path], str], stacked_library: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(
        f"{serve(stacked_library)}/?q=a+red+wall", viewport={"width": 700, "height": 400}
    )
    page.locator(".tile a").first.focus()
    page.keyboard.press("Control+End")
    expect(page.locator(".tile a").last).to_be_focused()
    last = int(page.locator(".tile").last.get_attribute("data-index"))
    assert 60 < last < 113


# lays photos of many shapes out, all at once and as they come, and measures what came of it
LAY = """
async () => {
  const { href } = document.querySelector("link[href*='js/layout.js']");
  const { Layout, LINE } = await import(href);
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const hits = Array.from({ length: 1000 }, (_, at) => ({
    is_good: at < 333,
    photo: { width: Math.round(20 + 4000 * random()), height: Math.round(20 + 3000 * random()) },
  }));
  const shape = { width: 1311, target: 240, gap: 6 };
  const [whole, parts] = [new Layout(shape), new Layout(shape)];
  whole.extend(hits);
  for (const count of [1, 60, 260, 332, 333, 334, 1000]) {
    parts.extend(hits.slice(0, count));
  }
  const filled = whole.rows.map((row) => {
    const last = whole.places(hits, row).at(-1);
    return last.left + last.width;
  });
  const isAt = ({ end, top }, at) => whole.rowOf(end - 1) === at && whole.rowAt(top) === at;
  return {
    rows: whole.rows,
    same: JSON.stringify(whole.rows) === JSON.stringify(parts.rows),
    filled,
    line: whole.line,
    gap: LINE,
    found: whole.rows.every(isAt),
  };
}
"""


def test_rows_fill_their_width_and_end_at_the_line_of_good_matches(
    site: str, open_page: Callable[..., Page]
) -> None:
    laid = open_page(site).evaluate(LAY)
    rows = laid["rows"]
    assert [row["first"] for row in rows] == [0, *(row["end"] for row in rows[:-1])]
    assert rows[-1]["end"] == 1000
    line = next(at for at, row in enumerate(rows) if row["first"] == 333)
    assert laid["line"]["index"] == 333
    assert rows[line]["top"] == laid["line"]["top"] + laid["gap"]
    full = [width for at, width in enumerate(laid["filled"]) if at not in {line - 1, len(rows) - 1}]
    assert set(full) == {1311}
    assert max(row["height"] for row in rows) < 1.7 * 240
    assert min(row["height"] for row in rows) > 0.6 * 240
    assert laid["same"]
    assert laid["found"]
