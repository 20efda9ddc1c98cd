/**
 * When photos were taken, as bars: a click or a drag chooses a range, and so do two sliders and
 * buttons of years and months. Knows months, and nothing of queries.
 */

import { element } from "./dom.js";
import { month, monthOfYear } from "./figures.js";
import { t } from "./i18n.js";
import { Months } from "./months.js";
import { between } from "./zoom.js";

const PATIENCE = 500; // milliseconds after the last key

export class Timeline {
  #months = new Months([]);
  #bars = [];
  #range = { from: 0, to: -1 }; // what is chosen, or is being chosen
  #chosen = null; // the range that the query asks for; null for none
  #grip = null; // how the pointer holds it: "from", "to", or the bar where a drag began
  #later = 0;
  #drawn = element("div", { class: "timeline__bars", "aria-hidden": "true" });
  #ends = { from: this.#slider("from"), to: this.#slider("to") };
  #area = element("div", { class: "timeline__area" }, this.#drawn, this.#ends.from, this.#ends.to);
  #axis = element("div", { class: "timeline__axis", "aria-hidden": "true" });
  #said = element("p", { class: "timeline__said" });
  #years = element("ul", { class: "timeline__years", "aria-label": t("timeline.years") });
  #fine = element("ul", { class: "timeline__years", "aria-label": t("timeline.months") });
  #undated = element("p", { class: "quiet" });
  element = element(
    "div",
    { class: "timeline" },
    this.#said,
    this.#area,
    this.#axis,
    this.#years,
    this.#fine,
    this.#undated,
  );

  /** `onChoose({after, before})` with dates, or null for none. */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.#area.addEventListener("pointerdown", (event) => this.#onDown(event));
    this.#area.addEventListener("pointermove", (event) => this.#onMove(event));
    this.#area.addEventListener("pointerup", () => this.#onUp());
    this.#area.addEventListener("pointercancel", () => this.#forget());
    this.#area.addEventListener("pointerleave", () => this.#say());
  }

  /** Show months of facets, and what of them is asked for by `after` and `before` (dates or null). */
  update(values, undated, { after, before }) {
    this.#months = new Months(values);
    this.#bars = this.#months.bars;
    const last = this.#months.length - 1;
    this.#chosen = null;
    if ((after || before) && last >= 0) {
      const from = after ? this.#months.place(after) : 0;
      const to = before ? this.#months.place(before) - (isWithinMonth(before) ? 0 : 1) : last;
      this.#chosen = { from: between(0, from, last), to: between(0, to, last) };
    }
    this.#range = this.#chosen ?? { from: 0, to: last };
    this.#undated.textContent = undated > 0 ? t("timeline.undated", { count: undated }) : "";
    this.#area.hidden = this.#axis.hidden = last < 1;
    this.#drawBars();
    this.#drawYears();
    this.#draw();
  }

  get #last() {
    return this.#months.length - 1;
  }

  #drawBars() {
    const highest = Math.max(...this.#bars.map(({ count }) => count), 1);
    const bars = this.#bars.map(({ from, to, count }) => {
      const bar = element("span", {});
      bar.style.flexGrow = String(to - from + 1);
      bar.style.height = count > 0 ? `max(3px, ${(100 * count) / highest}%)` : "1px";
      return bar;
    });
    this.#drawn.replaceChildren(...bars);
    const ends = this.#last > 0 ? [this.#months.name(0), this.#months.name(this.#last)] : [];
    this.#axis.replaceChildren(...ends.map((name) => element("span", {}, month(name, "short"))));
  }

  #drawYears() {
    const { years } = this.#months;
    const year = years.find((each) => this.#isIn(each, this.#range) && years.length > 1);
    const focused = document.activeElement?.dataset?.range;
    this.#years.replaceChildren(
      ...years.filter(({ count }) => count > 0).map((bar) => this.#choice(bar, "year")),
    );
    const isOne = year && this.#within(this.#range, year);
    const only = years.length === 1 ? years[0] : null;
    const shown = isOne ? year : only;
    const months = shown ? this.#months.within(shown).filter(({ count }) => count > 0) : [];
    this.#fine.replaceChildren(...months.map((bar) => this.#choice(bar, "month")));
    this.#fine.hidden = months.length < 2;
    if (focused) {
      this.element.querySelector(`[data-range="${focused}"]`)?.focus();
    }
  }

  #choice(bar, kind) {
    const name = this.#months.name(bar.from);
    const range = `${kind} ${bar.from} ${bar.to}`;
    const isChosen = this.#chosen?.from === bar.from && this.#chosen.to === bar.to;
    const shown = kind === "year" ? month(name.slice(0, 4)) : monthOfYear(name);
    const when = kind === "year" ? shown : month(name, "short");
    const label = t("timeline.bar", { when, count: bar.count });
    return element(
      "li",
      {},
      element(
        "button",
        {
          type: "button",
          class: "timeline__choice",
          "data-range": range,
          "aria-pressed": String(isChosen),
          "aria-label": label,
          onclick: () => this.#choose(isChosen ? null : bar),
        },
        shown,
      ),
    );
  }

  #isIn(bar, range) {
    return range.from >= bar.from && range.from <= bar.to;
  }

  #within(range, bar) {
    return range.from >= bar.from && range.to <= bar.to;
  }

  #draw() {
    const { from, to } = this.#range;
    this.#bars.forEach((bar, place) => {
      const isIn = bar.to >= from && bar.from <= to;
      this.#drawn.children[place].classList.toggle("is-in", isIn);
    });
    const count = Math.max(this.#months.length, 1);
    this.#end("from", from, from / count);
    this.#end("to", to, (to + 1) / count);
    this.#say();
  }

  #end(name, place, share) {
    const slider = this.#ends[name];
    slider.style.left = `${100 * share}%`;
    slider.setAttribute("aria-valuemin", name === "from" ? 0 : this.#range.from);
    slider.setAttribute("aria-valuemax", name === "from" ? this.#range.to : this.#last);
    slider.setAttribute("aria-valuenow", place);
    if (this.#last >= 0) {
      slider.setAttribute("aria-valuetext", month(this.#months.name(place)));
    }
  }

  #say(range = this.#range) {
    if (this.#last < 0) {
      this.#said.textContent = t("timeline.none");
      return;
    }
    const [first, last] = [range.from, range.to].map((place) => month(this.#months.name(place), "short"));
    const when = first === last ? first : t("timeline.range", { first, last });
    const count = this.#months.count(range.from, range.to);
    this.#said.textContent = t("timeline.bar", { when, count });
  }

  #slider(name) {
    return element("div", {
      class: `timeline__end timeline__end--${name}`,
      role: "slider",
      tabindex: 0,
      "aria-label": t(`timeline.${name}`),
      onkeydown: (event) => this.#onKey(event, name),
    });
  }

  #onKey(event, name) {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 12, PageDown: -12 };
    const goals = { Home: 0, End: this.#last };
    const goal = goals[event.key] ?? this.#range[name] + (steps[event.key] ?? NaN);
    if (Number.isNaN(goal)) {
      return;
    }
    event.preventDefault();
    this.#put(name, goal);
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.#choose(this.#range), PATIENCE);
  }

  #put(name, place) {
    const { from, to } = this.#range;
    const [low, high] = name === "from" ? [0, to] : [from, this.#last];
    this.#range = { ...this.#range, [name]: between(low, place, high) };
    this.#draw();
  }

  #choose(range) {
    clearTimeout(this.#later);
    const isAll = range === null || (range.from === 0 && range.to === this.#last);
    this.onChoose(isAll ? null : this.#months.dates(range));
  }

  #barAt({ clientX }) {
    const { left, width } = this.#drawn.getBoundingClientRect();
    const place = Math.floor((this.#months.length * (clientX - left)) / width);
    const month = between(0, place, this.#last);
    return this.#bars.find((bar) => month <= bar.to);
  }

  #onDown(event) {
    if (event.button !== 0) {
      return;
    }
    this.#area.setPointerCapture(event.pointerId);
    const end = event.target.closest("[role=slider]");
    this.#grip = end ? (end === this.#ends.from ? "from" : "to") : this.#barAt(event);
    if (!end) {
      this.#range = this.#grip;
      this.#draw();
    }
    clearTimeout(this.#later);
  }

  #onMove(event) {
    const bar = this.#barAt(event);
    if (this.#grip === null) {
      this.#say(bar); // what the pointer is at
    } else if (typeof this.#grip === "string") {
      this.#put(this.#grip, bar[this.#grip]);
    } else {
      const [from, to] = [Math.min(this.#grip.from, bar.from), Math.max(this.#grip.to, bar.to)];
      this.#range = { from, to };
      this.#draw();
    }
  }

  #onUp() {
    if (this.#grip === null) {
      return;
    }
    const wasChosen = this.#chosen?.from === this.#range.from && this.#chosen.to === this.#range.to;
    const isBar = typeof this.#grip !== "string";
    this.#grip = null;
    this.#choose(wasChosen && isBar ? null : this.#range); // the same bar again: all of them
  }

  #forget() {
    this.#grip = null;
    this.#range = this.#chosen ?? { from: 0, to: this.#last };
    this.#draw();
  }
}

// `2021-05-17` leaves a part of May in; `2021-05` and `2021` begin with a month
const isWithinMonth = (date) => date.split("-").length > 2 && !date.endsWith("-01");
