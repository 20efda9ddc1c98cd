/**
 * The photos that were found, in rows, as far as they are near the window: what is drawn, and the
 * work of a frame, do not depend on how many there are.
 *
 * Arrow keys walk from photo to photo, Enter opens one: `onOpen(index)`, `onOpenStack(index)`.
 */

import { announce, element } from "./dom.js";
import { t } from "./i18n.js";
import { Layout } from "./layout.js";
import { Rows } from "./rows.js";
import { remember, remembered } from "./state.js";
import { step } from "./walk.js";

const BEFORE = 0.75; // windows above and below that are drawn, too
const AFTER = 1.5;
const FLING = 1.2; // windows between two frames: too fast to look at photos
const REST = 90; // ms without scrolling until photos are loaded again
const LEAST = 124; // pixels of a row's height, about
const MOST = 250;

export class Grid {
  #root;
  #results;
  #onOpen;
  #onOpenStack;
  #rows = new Rows();
  #line = element("h2", { class: "grid__line", hidden: true }, t("grid.line"));
  #unloaded = element("div", { class: "grid__unloaded", hidden: true });
  #loading = element("p", { class: "grid__loading", hidden: true });
  #layout = null;
  #active = 0; // the hit that Tab leads to
  #wanted = null; // a hit that is to have the focus once it is loaded
  #left = null; // { at, offset }: where the reader was, to go back to once it is loaded
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
    const rows = this.#rows.root;
    this.#root.append(rows, this.#line, this.#unloaded, this.#loading);
    rows.addEventListener("keydown", (event) => this.#onKey(event));
    rows.addEventListener("click", (event) => this.#onClick(event));
    rows.addEventListener("focusin", (event) => this.#onFocus(event));
    addEventListener("scroll", () => this.#onScroll(), { passive: true });
    for (const event of ["wheel", "touchmove", "keydown"]) {
      addEventListener(event, () => this.#stay(), { passive: true });
    }
    new ResizeObserver(() => this.#onResize()).observe(this.#root);
    this.#results.subscribe((event) => this.#onResults(event));
  }

  /** Bring a hit into view, and the focus to it if asked for. */
  reveal(index, { focus = true } = {}) {
    if (this.#layout === null || index < 0 || index >= this.#layout.laid) {
      return;
    }
    this.#scrollTo(this.#layout.rows[this.#layout.rowOf(index)]);
    this.#activate(index);
    this.#draw();
    if (focus) {
      this.#rows.focus(index);
    }
  }

  #onResults(event) {
    this.#root.setAttribute("aria-busy", String(this.#results.isStale));
    if (event === "found") {
      this.#wanted = null;
      this.#left = remembered();
      this.#activate(0);
      this.#lay();
      scrollTo({ top: 0, behavior: "instant" });
    } else if (event === "more") {
      this.#extend();
    }
    this.#goBack();
    this.#draw();
    this.#reach();
  }

  /** Go to the hit that a key led to, once it is loaded; stacks leave fewer than there seemed. */
  #reach() {
    const { hasMore } = this.#results;
    if (this.#wanted !== null && (this.#wanted < this.#layout.laid || !hasMore)) {
      const index = Math.min(this.#wanted, this.#layout.laid - 1);
      this.#wanted = null;
      this.reveal(index);
    }
  }

  /** Give all hits their places anew. */
  #lay() {
    const width = this.#root.clientWidth;
    const target = Math.round(Math.min(MOST, Math.max(LEAST, width / 5.4)));
    const gap = width < 720 ? 4 : 6;
    this.#layout = new Layout({ width, target, gap });
    this.#layout.extend(this.#results.hits);
    this.#rows.reset(this.#layout, this.#results.hits);
    this.#root.style.setProperty("--row", `${target + gap}px`);
    this.#measure();
  }

  /** Give hits that came their places, behind the others. */
  #extend() {
    const isAtEnd = scrollY > 0 && scrollY + innerHeight >= wholeHeight() - 2;
    this.#layout.extend(this.#results.hits);
    this.#rows.refresh();
    this.#measure();
    if (isAtEnd) {
      scrollTo({ top: wholeHeight(), behavior: "instant" }); // the end is further down now
    }
  }

  #measure() {
    const { bottom, line, laid, rows } = this.#layout;
    const height = this.#layout.heightOf(this.#results.count);
    const isGraded = (this.#results.found?.cut_off ?? null) !== null;
    this.#root.style.height = `${height}px`;
    this.#rows.root.hidden = laid === 0;
    this.#rows.root.setAttribute("aria-rowcount", String(this.#results.hasMore ? -1 : rows.length));
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
    const top = this.#top();
    const { rows } = this.#layout;
    const wanted = new Set();
    if (rows.length > 0) {
      this.#keepActiveNear(top);
      const to = this.#layout.rowAt(top + innerHeight * (1 + AFTER));
      for (let key = this.#layout.rowAt(top - innerHeight * BEFORE); key <= to; key += 1) {
        wanted.add(key);
      }
      wanted.add(this.#layout.rowOf(this.#active)); // Tab must find it
    }
    this.#rows.show(wanted, { isFilled: !this.#isFlung });
    this.#loadMore(top);
  }

  #loadMore(top) {
    const { bottom } = this.#layout;
    const isBeyond = this.#results.hasMore && top + innerHeight > bottom;
    this.#loading.hidden = !isBeyond;
    if (isBeyond) {
      this.#loading.textContent = this.#progress();
    }
    const isNear = top + innerHeight * (2 + AFTER) > bottom;
    if (isNear || this.#wanted !== null || this.#left !== null) {
      this.#results.loadMore();
    }
  }

  #progress() {
    const { hits, count } = this.#results;
    return t("grid.loading", { count: hits.length, total: count });
  }

  /** Where the window begins, from the top of the first row. */
  #top() {
    return -this.#root.getBoundingClientRect().top;
  }

  #onScroll() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#isFlung = Math.abs(scrollY - this.#seen) > innerHeight * FLING;
      this.#seen = scrollY;
      this.#draw();
      clearTimeout(this.#rest);
      this.#rest = setTimeout(() => {
        this.#isFlung = false;
        this.#rows.fill();
        this.#keep();
      }, REST);
    });
  }

  #onResize() {
    if (this.#layout === null || this.#root.clientWidth === this.#layout.width) {
      return;
    }
    const top = this.#top();
    const { hasFocus } = this.#rows;
    const before = this.#layout.rows[this.#layout.rowAt(Math.max(0, top))];
    this.#lay();
    if (before && top > 0) {
      const after = this.#layout.rows[this.#layout.rowOf(before.first)];
      scrollBy({ top: after.top - before.top, behavior: "instant" });
    }
    this.#draw();
    if (hasFocus) {
      this.#rows.focus(this.#active);
    }
  }

  /** Keep where the reader is, for when this page of the history is come back to. */
  #keep() {
    const isElsewhere = this.#left !== null || this.#results.isStale; // by the address
    if (isElsewhere || this.#layout === null || this.#layout.laid === 0) {
      return;
    }
    const row = this.#layout.rows[this.#layout.rowAt(this.#top())];
    const offset = Math.round(row.top - this.#top());
    remember(scrollY === 0 ? null : { at: row.first, offset });
  }

  /** Go where the reader was, as soon as what is there is loaded. */
  #goBack() {
    if (this.#left === null || this.#layout === null || this.#layout.laid === 0) {
      return;
    }
    const { at, offset } = this.#left;
    if (at < this.#layout.laid || !this.#results.hasMore) {
      const row = this.#layout.rows[this.#layout.rowOf(at)];
      scrollBy({ top: row.top - offset - this.#top(), behavior: "instant" });
      this.#left = null;
    }
  }

  /** The reader goes elsewhere by now. */
  #stay() {
    this.#left = null;
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
    const { hits, count } = this.#results;
    const where = { layout: this.#layout, hits, count, active: this.#active, height: innerHeight };
    const index = step(event, where);
    if (index !== null) {
      event.preventDefault();
      this.#goTo(index);
    } else if (event.key === " ") {
      event.preventDefault();
      this.#onOpen(this.#active);
    }
  }

  #goTo(index) {
    if (index < this.#layout.laid) {
      this.#wanted = null;
      this.reveal(index);
      return;
    }
    this.#wanted = index; // it comes when it is loaded
    announce(this.#progress());
    this.#draw();
  }

  #activate(index) {
    this.#active = index;
    this.#rows.activate(index);
  }

  /** Tab leads to what is seen, not to where the focus was long ago. */
  #keepActiveNear(top) {
    const { rows } = this.#layout;
    const { top: at, height } = rows[this.#layout.rowOf(this.#active)];
    const isSeen = at + height >= top && at <= top + innerHeight;
    if (!isSeen && !this.#rows.hasFocus) {
      this.#activate(rows[this.#layout.rowAt(Math.max(0, top) + LEAST / 2)].first);
    }
  }

  #scrollTo({ top, height }) {
    const above = parseFloat(getComputedStyle(this.#root).scrollMarginTop) || 0;
    const at = top - this.#top();
    if (at < above) {
      scrollBy({ top: at - above, behavior: "instant" });
    } else if (at + height > innerHeight - 12) {
      scrollBy({ top: at + height - innerHeight + 12, behavior: "instant" });
    }
  }
}

function wholeHeight() {
  return document.documentElement.scrollHeight;
}
