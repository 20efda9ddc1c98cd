/**
 * What the photos are like, counted, to narrow a query by: `aside` is #filters.
 *
 * The page knows no query language: each value brings the whole text of the query as it would be
 * with it, and texts with other dates are asked of the server.
 */

import * as api from "./api.js";
import { announce, element, iconButton } from "./dom.js";
import { FacetList } from "./facet_list.js";
import { t } from "./i18n.js";
import { sentence } from "./notices.js";
import { Timeline } from "./timeline.js";

const SHEET = "(max-width: 720px)"; // where the panel lies over the photos
const DATES = ["after", "before"];
const LISTS = ["cameras", "folders", "orientations", "ratings", "keywords", "formats"];
const REMEMBERED = "filters";

export function mountFilters({ aside, toggle, state, results }) {
  const panel = new Panel(aside, toggle, state, results);
  toggle.addEventListener("click", () => panel.open(aside.hidden));
  aside.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.isSheet) {
      panel.open(false);
    }
  });
  matchMedia(SHEET).addEventListener("change", () => panel.stand());
  results.subscribe((event) => event === "found" && panel.refresh());
  if (recalled() && !panel.isSheet) {
    panel.open(true, { focus: false });
  }
}

class Panel {
  #shown = null; // what was found when the facets that are shown were counted
  #stop = new AbortController();
  #total = element("p", { class: "quiet filters__total" });
  #problem = element("p", { class: "filters__problem", role: "alert", hidden: true });
  #clear = element("button", { type: "button", class: "text-button" }, t("filters.clear"));
  #done = element("button", { type: "button", class: "filters__done" });
  #timeline;
  #lists;
  #sections = {};

  constructor(aside, toggle, state, results) {
    Object.assign(this, { aside, toggle, state, results });
    this.#timeline = new Timeline((dates) => this.#chooseDates(dates));
    this.#lists = Object.fromEntries(LISTS.map((kind) => [kind, this.#list(kind)]));
    this.#clear.addEventListener("click", () => this.#clearAll());
    this.#done.addEventListener("click", () => this.open(false));
    this.#build();
  }

  get isSheet() {
    return matchMedia(SHEET).matches;
  }

  open(isOpen, { focus = true } = {}) {
    this.aside.hidden = !isOpen;
    this.toggle.setAttribute("aria-expanded", String(isOpen));
    this.stand();
    remember(isOpen);
    if (!isOpen) {
      this.toggle.focus();
      return;
    }
    this.refresh();
    if (focus) {
      this.aside.querySelector("h2").focus();
    }
  }

  /** Keep the focus within a sheet, and out of what it covers. */
  stand() {
    const isAlone = this.isSheet && !this.aside.hidden;
    for (let node = this.aside; node !== document.body; node = node.parentElement) {
      for (const other of node.parentElement.children) {
        if (other !== node && !other.matches("dialog, [aria-live]")) {
          other.inert = isAlone;
        }
      }
    }
  }

  /** Count anew, if the panel is open and what is asked for is another. */
  async refresh() {
    const { found } = this.results;
    if (this.aside.hidden || found === null || found === this.#shown) {
      return;
    }
    this.#shown = found;
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.aside.setAttribute("aria-busy", "true");
    try {
      this.#draw(await api.facets(found.query.text, { signal }), found.query);
      this.#tell(null);
    } catch (error) {
      if (!api.isAborted(error)) {
        this.#shown = null;
        this.#tell(error);
      }
    }
    if (!signal.aborted) {
      this.aside.removeAttribute("aria-busy");
    }
  }

  #build() {
    const close = iconButton("close", t("filters.close"), { onclick: () => this.open(false) });
    this.aside.append(
      element(
        "div",
        { class: "filters__head" },
        element("h2", { tabindex: -1 }, t("filters.label")),
        this.#clear,
        close,
      ),
      this.#total,
      this.#problem,
      this.#section("dates", this.#timeline.element),
      ...LISTS.map((kind) => this.#section(kind, this.#lists[kind].element)),
      element("div", { class: "filters__foot" }, this.#done),
    );
  }

  #section(kind, content) {
    const summary = element("summary", {}, element("h3", {}, t(`filters.${kind}`)));
    this.#sections[kind] = element(
      "details",
      { class: `facet facet-${kind}`, open: kind !== "formats" },
      summary,
      content,
    );
    return this.#sections[kind];
  }

  #list(kind) {
    const labels = {
      orientations: ({ value }) => t(`filters.is_${value}`),
      ratings: ({ value }) => (Number(value) < 0 ? t("facts.rejected") : t("facts.stars", { count: Number(value) })),
    };
    return new FacetList(kind, ({ text }) => this.#ask(text), { label: labels[kind] });
  }

  #draw(facets, { filters }) {
    const dated = (key) => filters.find((each) => each.key === key && !each.is_negated)?.value ?? null;
    this.#timeline.update(facets.months, facets.undated, {
      after: dated("after"),
      before: dated("before"),
    });
    this.#sections.dates.hidden = facets.months.length === 0;
    for (const kind of LISTS) {
      this.#lists[kind].update(kind === "ratings" ? bestFirst(facets[kind]) : facets[kind]);
      this.#sections[kind].hidden = this.#lists[kind].isEmpty;
    }
    this.#keys = [...new Set(filters.map(({ key }) => key))];
    this.#clear.hidden = filters.length === 0;
    this.#total.textContent = t("filters.total", { count: facets.total });
    this.#done.textContent = t("filters.done", { count: facets.total });
  }

  #keys = [];

  #ask(q) {
    this.state.set({ q, view: null });
  }

  #chooseDates(dates) {
    const add = DATES.filter((key) => dates?.[key]).map((key) => `${key}:${dates[key]}`);
    return this.#change({ add, drop: DATES });
  }

  #clearAll() {
    this.aside.querySelector("h2").focus(); // the button goes
    return this.#change({ drop: this.#keys });
  }

  async #change(edit) {
    try {
      const { text } = await api.query(this.state.get().q, edit);
      this.#ask(text);
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(problem) {
    this.#problem.hidden = problem === null;
    this.#problem.textContent = problem === null ? "" : sentence(problem);
  }
}

function bestFirst(ratings) {
  return [...ratings].sort((one, other) => Number(other.value) - Number(one.value));
}

function recalled() {
  try {
    return localStorage.getItem(REMEMBERED) === "open";
  } catch {
    return false; // a browser that keeps nothing begins without
  }
}

function remember(isOpen) {
  try {
    localStorage.setItem(REMEMBERED, isOpen ? "open" : "closed");
  } catch {
    // as above
  }
}
