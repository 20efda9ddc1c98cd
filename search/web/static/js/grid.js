/**
 * The photos that were found, in rows, as far as they are near the window: what is drawn, and the
 * work of a frame, do not depend on how many there are.
 *
 * Arrow keys walk from photo to photo, Enter opens one: `onOpen(index)`, `onOpenStack(index)`.
 */

import { announce, element } from "./dom.js";
import { t } from "./i18n.js";
import { Layout } from "./layout.js";
import { fillTile, makeTile, emptyTile } from "./tile.js";

const BEFORE = 0.75; // windows above and below that are drawn, too
const AFTER = 1.5;
const FLING = 1.2; // windows between two frames: too fast to look at photos
const REST = 90; // ms without scrolling until photos are loaded again

export class Grid {
  #root;
  #results;
  #onOpen;
  #onOpenStack;
  #rows = element("div", { class: "grid__rows", role: "grid", "aria-label": t("grid.label") });
  #line = element("h2", { class: "grid__line", hidden: true }, t("grid.line"));
  #unloaded = element("div", { class: "grid__unloaded", hidden: true });
  #loading = element("p", { class: "grid__loading", hidden: true });
  #layout = null;
  #drawn = new Map(); // number of a row -> { element, row, tiles }
  #active = 0; // the hit that Tab leads to
  #wanted = null; // a hit that is to have the focus once it is loaded
  #frame = 0;
  #seen = 0; // where the window was in the frame before
  #isFlung = false;
  #rest = 0;

  constructor({ root, results, onOpen, onOpenStack }) {
    this.#root = root;
    this.#results = results;
    this.#onOpen = onOpen;
    this.#onOpenStack = onOpenStack;
  }

  /** Begin to draw. */
  mount() {
    this.#root.append(this.#rows, this.#line, this.#unloaded, this.#loading);
    this.#rows.addEventListener("keydown", (event) => this.#onKey(event));
    this.#rows.addEventListener("click", (event) => this.#onClick(event));
    this.#rows.addEventListener("focusin", (event) => this.#onFocus(event));
    addEventListener("scroll", () => this.#onScroll(), { passive: true });
    new ResizeObserver(() => this.#onResize()).observe(this.#root);
    this.#results.subscribe((event) => this.#onResults(event));
    this.#onResults(this.#results.phase === "ready" ? "found" : "began");
  }

  /** Bring a hit into view, and the focus to it if asked for. */
  reveal(index, { focus = true } = {}) {
    if (this.#layout === null || index < 0 || index >= this.#layout.laid) {
      return;
    }
    const row = this.#layout.rows[this.#layout.rowOf(index)];
    this.#scrollTo(row);
    this.#activate(index);
    this.#draw();
    if (focus) {
      this.#tile(index)?.querySelector("a").focus({ preventScroll: true });
    }
  }

  #onResults(event) {
    this.#root.setAttribute("aria-busy", String(this.#results.isStale));
    if (event === "found") {
      this.#active = 0;
      this.#wanted = null;
      this.#lay();
      scrollTo({ top: 0, behavior: "instant" });
    } else if (event === "more") {
      const wasAtEnd = atEnd();
      this.#layout.extend(this.#results.hits);
      this.#measure();
      if (wasAtEnd) {
        scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
      }
      this.#forgetLastRow();
    }
    this.#draw();
    if (this.#wanted !== null && this.#wanted < this.#layout.laid) {
      const index = this.#wanted;
      this.#wanted = null;
      this.reveal(index);
    }
  }

  /** Give all hits their places anew. */
  #lay() {
    const width = this.#root.clientWidth;
    const target = Math.round(Math.min(250, Math.max(124, width / 5.4)));
    const gap = width < 720 ? 4 : 6;
    this.#layout = new Layout({ width, target, gap });
    this.#layout.extend(this.#results.hits);
    this.#root.style.setProperty("--row", `${target + gap}px`);
    for (const key of [...this.#drawn.keys()]) {
      this.#erase(key);
    }
    this.#measure();
  }

  #measure() {
    const { bottom, line } = this.#layout;
    const height = this.#layout.heightOf(this.#results.count);
    const isGraded = (this.#results.found?.cut_off ?? null) !== null;
    this.#root.style.height = `${height}px`;
    this.#rows.hidden = this.#layout.laid === 0;
    this.#rows.setAttribute(
      "aria-rowcount",
      String(this.#results.hasMore ? -1 : this.#layout.rows.length),
    );
    this.#line.hidden = line === null || !isGraded;
    this.#line.style.top = `${line?.top ?? 0}px`;
    this.#unloaded.hidden = height <= bottom;
    this.#unloaded.style.top = `${bottom}px`;
    this.#unloaded.style.height = `${Math.max(0, height - bottom)}px`;
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#layout === null) {
      return;
    }
    const top = -this.#root.getBoundingClientRect().top;
    const { rows, bottom } = this.#layout;
    const from = this.#layout.rowAt(top - innerHeight * BEFORE);
    const to = this.#layout.rowAt(top + innerHeight * (1 + AFTER));
    const hasFocus = this.#rows.contains(document.activeElement);
    if (!hasFocus && rows.length > 0) {
      this.#keepActiveNear(top);
    }
    const wanted = new Set();
    for (let key = from; key <= to && key < rows.length; key += 1) {
      wanted.add(key);
    }
    if (rows.length > 0) {
      wanted.add(this.#layout.rowOf(this.#active)); // Tab must find it
    }
    for (const key of [...this.#drawn.keys()].filter((key) => !wanted.has(key))) {
      this.#erase(key);
    }
    for (const key of [...wanted].filter((key) => !this.#drawn.has(key))) {
      this.#drawRow(key);
    }
    this.#loadMore(top, bottom);
  }

  #loadMore(top, bottom) {
    const isNear = top + innerHeight * (2 + AFTER) > bottom;
    const isBeyond = this.#results.hasMore && top + innerHeight > bottom;
    this.#loading.hidden = !isBeyond;
    if (isBeyond) {
      this.#loading.textContent = t("grid.loading", {
        count: this.#results.hits.length,
        total: this.#results.count,
      });
    }
    if (this.#results.hasMore && (isNear || this.#wanted !== null)) {
      this.#results.loadMore();
    }
  }

  #drawRow(key) {
    const row = this.#layout.rows[key];
    const places = this.#layout.places(this.#results.hits, row);
    const drawn = element("div", { class: "row", role: "row", "aria-rowindex": key + 1 });
    drawn.style.top = `${row.top}px`;
    drawn.style.height = `${row.height}px`;
    const tiles = places.map(({ left, width }, place) => {
      const index = row.first + place;
      const tile = makeTile(this.#results.hits[index], index, { left, width, height: row.height });
      tile.querySelector("a").tabIndex = index === this.#active ? 0 : -1;
      if (!this.#isFlung) {
        fillTile(tile, this.#results.hits[index], width);
      }
      return tile;
    });
    drawn.append(...tiles);
    const after = [...this.#drawn.keys()].filter((other) => other > key);
    const next = after.length > 0 ? this.#drawn.get(Math.min(...after)).drawn : null;
    this.#rows.insertBefore(drawn, next); // in order, for those who hear the page
    this.#drawn.set(key, { drawn, row, places, tiles });
  }

  #erase(key) {
    const { drawn, tiles } = this.#drawn.get(key);
    tiles.forEach(emptyTile);
    drawn.remove();
    this.#drawn.delete(key);
  }

  /** A last row that was not full when it was drawn is another now. */
  #forgetLastRow() {
    for (const [key, { row }] of [...this.#drawn]) {
      const now = this.#layout.rows[key];
      if (now.end === row.end && now.height === row.height) {
        continue;
      }
      const focused = this.#drawn.get(key).tiles.findIndex((tile) => tile.contains(document.activeElement));
      this.#erase(key);
      this.#drawRow(key);
      if (focused >= 0) {
        this.#tile(row.first + focused)?.querySelector("a").focus({ preventScroll: true });
      }
    }
  }

  #fill() {
    for (const { row, places, tiles } of this.#drawn.values()) {
      tiles.forEach((tile, place) =>
        fillTile(tile, this.#results.hits[row.first + place], places[place].width),
      );
    }
  }

  #onScroll() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#isFlung = Math.abs(scrollY - this.#seen) > innerHeight * FLING;
      this.#seen = scrollY;
      this.#draw();
      clearTimeout(this.#rest);
      this.#rest = setTimeout(() => {
        this.#isFlung = false;
        this.#fill();
      }, REST);
    });
  }

  #onResize() {
    if (this.#layout === null || this.#root.clientWidth === this.#layout.width) {
      return;
    }
    const top = -this.#root.getBoundingClientRect().top;
    const before = this.#layout.rows[this.#layout.rowAt(Math.max(0, top))];
    const hadFocus = this.#rows.contains(document.activeElement);
    this.#lay();
    if (before && top > 0) {
      const after = this.#layout.rows[this.#layout.rowOf(before.first)];
      scrollBy({ top: after.top - before.top, behavior: "instant" });
    }
    this.#draw();
    if (hadFocus) {
      this.#tile(this.#active)?.querySelector("a").focus({ preventScroll: true });
    }
  }

  #onClick(event) {
    const tile = event.target.closest(".tile");
    if (!tile || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) {
      return; // into another tab, as links go
    }
    event.preventDefault();
    const index = Number(tile.dataset.index);
    this.#activate(index);
    const open = event.target.closest(".tile__stack") ? this.#onOpenStack : this.#onOpen;
    open(index);
  }

  #onFocus(event) {
    const tile = event.target.closest(".tile");
    if (tile) {
      this.#activate(Number(tile.dataset.index));
    }
  }

  #onKey(event) {
    if (event.altKey || event.metaKey || !event.target.closest(".tile__link")) {
      return;
    }
    const index = this.#step(event);
    if (index !== null) {
      event.preventDefault();
      this.#goTo(index);
    } else if (event.key === " ") {
      event.preventDefault();
      this.#onOpen(this.#active);
    }
  }

  /** The hit that a key leads to, or null. */
  #step({ key, ctrlKey }) {
    const last = this.#results.count - 1;
    const { rows } = this.#layout;
    const at = this.#layout.rowOf(this.#active);
    const page = Math.max(1, Math.floor(innerHeight / (rows[at].height + 6)) - 1);
    switch (key) {
      case "ArrowRight":
        return Math.min(last, this.#active + 1);
      case "ArrowLeft":
        return Math.max(0, this.#active - 1);
      case "ArrowDown":
        return this.#across(at, 1);
      case "ArrowUp":
        return this.#across(at, -1);
      case "PageDown":
        return this.#across(at, page);
      case "PageUp":
        return this.#across(at, -page);
      case "Home":
        return ctrlKey ? 0 : rows[at].first;
      case "End":
        return ctrlKey ? last : rows[at].end - 1;
      default:
        return null;
    }
  }

  /** The hit some rows on that stands nearest to the one that has the focus. */
  #across(at, by) {
    const { rows } = this.#layout;
    const to = Math.min(rows.length - 1, Math.max(0, at + by));
    if (to === at) {
      return by > 0 ? Math.min(this.#results.count - 1, rows[at].end) : this.#active;
    }
    const middle = ({ left, width }) => left + width / 2;
    const from = middle(this.#layout.places(this.#results.hits, rows[at])[this.#active - rows[at].first]);
    const places = this.#layout.places(this.#results.hits, rows[to]);
    const away = places.map((place) => Math.abs(middle(place) - from));
    return rows[to].first + away.indexOf(Math.min(...away));
  }

  #goTo(index) {
    if (index < this.#layout.laid) {
      this.#wanted = null;
      this.reveal(index);
      return;
    }
    this.#wanted = index; // it comes when it is loaded
    announce(t("grid.loading", { count: this.#results.hits.length, total: this.#results.count }));
    this.#draw();
  }

  #activate(index) {
    const before = this.#tile(this.#active)?.querySelector("a");
    if (before) {
      before.tabIndex = -1;
    }
    this.#active = index;
    const now = this.#tile(index)?.querySelector("a");
    if (now) {
      now.tabIndex = 0;
    }
  }

  /** Tab leads to what is seen, not to where the focus was long ago. */
  #keepActiveNear(top) {
    const { rows } = this.#layout;
    const { top: at, height } = rows[this.#layout.rowOf(this.#active)];
    if (at + height < top || at > top + innerHeight) {
      const seen = this.#layout.rowAt(Math.max(0, top) + 80);
      this.#activate(rows[seen].first);
    }
  }

  #tile(index) {
    if (this.#layout === null || this.#layout.rows.length === 0) {
      return null;
    }
    const drawn = this.#drawn.get(this.#layout.rowOf(index));
    return drawn?.tiles[index - drawn.row.first] ?? null;
  }

  #scrollTo({ top, height }) {
    const above = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
    const at = this.#root.getBoundingClientRect().top + top;
    if (at < above) {
      scrollBy({ top: at - above, behavior: "instant" });
    } else if (at + height > innerHeight - 12) {
      scrollBy({ top: at + height - innerHeight + 12, behavior: "instant" });
    }
  }
}

function atEnd() {
  return scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
}
