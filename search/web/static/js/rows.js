/** The rows of photos that are drawn: a few of all that were laid out. */

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { emptyTile, fillTile, makeTile } from "./tile.js";

export class Rows {
  /** What holds them: a grid, to those who hear the page. */
  root = element("div", { class: "grid__rows", role: "grid", "aria-label": t("grid.label") });
  #drawn = new Map(); // number of a row -> { drawn, row, places, tiles }
  #layout = null;
  #hits = [];
  #active = 0;

  /** Draw other photos from now on. */
  reset(layout, hits) {
    for (const key of [...this.#drawn.keys()]) {
      this.#erase(key);
    }
    this.#layout = layout;
    this.#hits = hits;
  }

  /** Draw the rows with these numbers, and no others; with `isFilled` their pictures are loaded. */
  show(wanted, { isFilled }) {
    for (const key of [...this.#drawn.keys()].filter((key) => !wanted.has(key))) {
      this.#erase(key);
    }
    for (const key of [...wanted].filter((key) => !this.#drawn.has(key))) {
      this.#draw(key, isFilled);
    }
  }

  /** Load the pictures that were left out. */
  fill() {
    for (const { row, places, tiles } of this.#drawn.values()) {
      tiles.forEach((tile, at) => fillTile(tile, this.#hits[row.first + at], places[at].width));
    }
  }

  /** Draw rows again that are others since they were drawn: the last one was not full. */
  refresh() {
    const { hasFocus } = this;
    for (const [key, { row }] of [...this.#drawn]) {
      const now = this.#layout.rows[key];
      if (now !== row) {
        this.#erase(key);
        if (now) {
          this.#draw(key, true);
        }
      }
    }
    if (hasFocus && !this.hasFocus) {
      this.focus(this.#active);
    }
  }

  /** Have Tab lead to a hit, and to no other. */
  activate(index) {
    this.#link(this.#active)?.setAttribute("tabindex", "-1");
    this.#active = index;
    this.#link(index)?.setAttribute("tabindex", "0");
  }

  /** Give a hit the focus, if it is drawn. */
  focus(index) {
    this.#link(index)?.focus({ preventScroll: true });
  }

  get hasFocus() {
    return this.root.contains(document.activeElement);
  }

  #link(index) {
    if (this.#layout === null || this.#layout.rows.length === 0) {
      return null;
    }
    const drawn = this.#drawn.get(this.#layout.rowOf(index));
    return drawn?.tiles[index - drawn.row.first]?.querySelector("a") ?? null;
  }

  #draw(key, isFilled) {
    const row = this.#layout.rows[key];
    const places = this.#layout.places(this.#hits, row);
    const drawn = element("div", { class: "row", role: "row", "aria-rowindex": key + 1 });
    drawn.style.top = `${row.top}px`;
    drawn.style.height = `${row.height}px`;
    const tiles = places.map((place, at) => {
      const index = row.first + at;
      const tile = makeTile(this.#hits[index], index, place);
      tile.querySelector("a").tabIndex = index === this.#active ? 0 : -1;
      if (isFilled) {
        fillTile(tile, this.#hits[index], place.width);
      }
      return tile;
    });
    drawn.append(...tiles);
    const after = [...this.#drawn.keys()].filter((other) => other > key);
    const next = after.length > 0 ? this.#drawn.get(Math.min(...after)).drawn : null;
    this.root.insertBefore(drawn, next); // in order, for those who hear the page
    this.#drawn.set(key, { drawn, row, places, tiles });
  }

  #erase(key) {
    const { drawn, tiles } = this.#drawn.get(key);
    tiles.forEach(emptyTile);
    drawn.remove();
    this.#drawn.delete(key);
  }
}
