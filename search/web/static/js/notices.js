/** Notices about the library and the search, as elements: a fact, and what can be done about it. */

import { element, icon } from "./dom.js";
import { t } from "./i18n.js";

const PROBLEMS = { 0: "offline", 401: "token", 429: "busy" };
const QUERIES = [400, 422]; // answers to what cannot be read as a query

/** No library yet, an empty one, or one that cannot be used (`Status`). */
export function libraryNotice({ state, problem, library }) {
  if (state === "unusable") {
    return notice("broken", t("status.unusable"), element("p", {}, problem ?? ""));
  }
  return notice(
    "photo",
    t(`status.${state}`),
    element("p", {}, t("status.begin")),
    command(`sightseek index ~/Photos --library ${quoted(library)}`),
    element("p", { class: "quiet" }, t("status.appear")),
  );
}

/** The first photos are on their way. */
export function comingNotice() {
  return notice("photo", t("status.coming"), element("p", { class: "quiet" }, t("status.appear")));
}

/** Nothing passes what a query (`AskedFor`) asks for; `onAsk(patch)` changes the state. */
export function nothingFound(query, { onAsk }) {
  const ways = query.filters.map(({ written, edits }) =>
    button(t("status.without", { what: written }), () => onAsk({ q: edits.without })),
  );
  if (ways.length !== 1) {
    const nothing = { q: "", photo: null, like: [], unlike: [] };
    ways.push(button(t("status.all"), () => onAsk(nothing)));
  }
  return notice(
    "search",
    t(query.filters.length > 0 ? "status.filtered" : "status.nothing"),
    element("p", {}, t(query.filters.length > 0 ? "status.loosen" : "status.other_words")),
    element("div", { class: "notice__ways" }, ...ways),
  );
}

/** What went wrong (`Problem`), in a sentence. */
export function sentence(problem) {
  return problem.status === 0 ? t("status.offline") : problem.message;
}

/** More photos did not come; those that did stay. */
export function stuckNotice(problem, { onRetry }) {
  return element(
    "div",
    { class: "stuck" },
    element("p", {}, t("status.stuck", { why: sentence(problem) })),
    button(t("status.retry"), onRetry),
  );
}

/** What went wrong (`Problem`), in place of photos. */
export function problemNotice(problem, { onRetry }) {
  const kind = PROBLEMS[problem.status] ?? (QUERIES.includes(problem.status) ? "query" : "error");
  const isOurs = kind === "offline" || kind === "token";
  return notice(
    "broken",
    t(`status.${kind}`),
    element("p", {}, isOurs ? t(`status.${kind}_remedy`) : problem.message),
    kind === "offline" ? command("sightseek serve") : null,
    kind === "query" || kind === "token"
      ? null
      : element("div", { class: "notice__ways" }, button(t("status.retry"), onRetry)),
  );
}

/** The indexer at work; it stays while it goes on, so that nobody loses their place in it. */
export class IndexingBar {
  #text = element("p", { class: "indexing__text" });
  #bar = element("progress", { class: "indexing__bar", "aria-label": t("status.progress") });
  #fresh = element("button", { type: "button", class: "tool-button indexing__fresh" });
  element = element(
    "div",
    { class: "indexing", hidden: true },
    element("div", { class: "indexing__run" }, this.#text, this.#bar),
    this.#fresh,
  );

  /** `onShow()` when the photos are wanted that came since the results were found. */
  constructor(onShow) {
    this.#fresh.addEventListener("click", onShow);
  }

  /**
   * Show `Progress`, and how many photos came meanwhile, which what `isAsked` for may find or not.
   * Gives whether there is anything to show.
   */
  update({ is_running: isRunning, done, total }, fresh, { isAsked }) {
    this.element.hidden = !isRunning && fresh === 0;
    this.#bar.hidden = !isRunning;
    this.#text.textContent = isRunning ? running(done, total) : t("status.indexed");
    if (total > 0) {
      this.#bar.max = total;
      this.#bar.value = done;
    } else {
      this.#bar.removeAttribute("value"); // how much there is to do is not known yet
    }
    this.#fresh.hidden = fresh === 0;
    this.#fresh.textContent = t(isAsked ? "status.fresh_asked" : "status.fresh", { count: fresh });
    return !this.element.hidden;
  }
}

function running(done, total) {
  return total > 0 ? t("status.indexing", { done, total }) : t("status.starting");
}

function notice(picture, heading, ...parts) {
  const shown = parts.filter((part) => part !== null);
  return element("div", { class: "notice" }, icon(picture), element("h2", {}, heading), ...shown);
}

function button(text, act) {
  return element("button", { type: "button", class: "tool-button", onclick: act }, text);
}

function command(text) {
  const copied = element("span", { class: "visually-hidden", role: "status" });
  const copy = button(t("status.copy"), async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = t("status.copied");
    copied.textContent = t("status.copied");
  });
  copy.hidden = !navigator.clipboard; // browsers lend it to this machine's pages, or over TLS
  return element("div", { class: "command" }, element("code", {}, text), copy, copied);
}

// as a shell reads it: of Windows' own, too, whose paths have backslashes
function quoted(path) {
  if (/^[\w@%+=:,./-]+$/.test(path)) {
    return path;
  }
  return path.includes("\\") ? `"${path}"` : `'${path.replaceAll("'", `'\\''`)}'`;
}
