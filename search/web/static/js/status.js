/**
 * What stands above the photos, or in their place: a library that is missing or empty, nothing
 * found, an error, and the indexer at work, as it goes on.
 */

import * as api from "./api.js";
import { announce, element } from "./dom.js";
import { t } from "./i18n.js";
import { follow } from "./live.js";
import { IndexingBar, comingNotice, libraryNotice, nothingFound, problemNotice, stuckNotice } from "./notices.js";
import { asks } from "./state.js";

const AGAIN = 3000; // milliseconds before a server that does not answer is asked again
const TOLD = 0.25; // shares of a run that are told to who hears the page

export function mountStatus({ region, state, results }) {
  const told = new Standing(region, state, results);
  results.subscribe((event) => told.onResults(event));
  follow(
    (progress) => told.onProgress(progress),
    () => told.draw(),
  );
  told.ask();
}

class Standing {
  #library = null; // Status, once it is known
  #progress = null;
  #known = null; // photos that the library had when these results were found
  #heard = 0; // the share of a run that was told last
  #timer = 0;
  #shown = ""; // what the notice is about
  #bar = new IndexingBar(() => this.#reload());
  #notice = element("div", {});

  constructor(region, state, results) {
    Object.assign(this, { region, state, results, grid: region.nextElementSibling });
    region.replaceChildren(this.#bar.element, this.#notice);
  }

  /** Ask how the library is. */
  async ask() {
    try {
      this.#library = await api.status();
      this.#known ??= this.#library.photos;
      this.#progress ??= this.#library.indexing;
    } catch {
      this.#library = null; // the search says what is wrong
    }
    this.draw();
  }

  onResults(event) {
    if (event === "found") {
      this.#known = this.#progress?.photos ?? this.#known;
    }
    if (event === "failed") {
      this.#again();
      if (this.results.problem.status === 503) {
        this.ask(); // the library is not as it was
      }
    }
    this.draw();
  }

  onProgress(progress) {
    const before = this.#progress;
    this.#progress = progress;
    this.#known ??= progress.photos;
    this.#tell(before, progress);
    const ends = before?.is_running && !progress.is_running;
    const isUnreachable = this.results.phase === "failed" && this.results.problem.status === 0;
    const wasEmpty = this.#library !== null && this.#library.state !== "ready";
    if (ends || (wasEmpty && progress.photos > 0)) {
      this.ask();
    }
    if (isUnreachable || (progress.photos > 0 && (wasEmpty || this.#known === 0))) {
      this.#reload();
    }
    this.draw();
  }

  #tell(before, { is_running: isRunning, done, total }) {
    if (!isRunning) {
      if (before?.is_running) {
        announce(t("status.indexed"));
      }
      this.#heard = 0;
      return;
    }
    const share = total > 0 ? done / total : 0;
    if (!before?.is_running || share >= this.#heard + TOLD) {
      this.#heard = share - (share % TOLD);
      announce(t("status.indexing", { done, total }));
    }
  }

  #reload() {
    this.#known = this.#progress?.photos ?? null;
    this.results.load(this.state.get());
  }

  // nobody answers, or too many ask: it is tried again for as long as that is so
  #again() {
    clearTimeout(this.#timer);
    const { problem } = this.results;
    if (problem.status === 0 || problem.status === 429) {
      this.#timer = setTimeout(() => {
        if (this.results.problem === problem) {
          this.results.retry();
        }
      }, AGAIN);
    }
  }

  draw() {
    const hasBar = this.#drawBar();
    const [about, make] = this.#said();
    if (about !== this.#shown) {
      this.#shown = about;
      const made = make ? [make()] : [];
      this.#notice.replaceChildren(...made);
      announce(made[0]?.querySelector("h2, p").textContent ?? "");
    }
    const { phase, lacksPage, keepsHits } = this.results;
    const isInstead = phase === "failed" && !lacksPage && !keepsHits;
    this.grid.classList.toggle("is-set-aside", isInstead); // those of before are not what is asked
    this.region.hidden = !hasBar && about === "";
  }

  #drawBar() {
    if (this.#progress === null) {
      return false;
    }
    const { photos } = this.#progress;
    const fresh = Math.max(0, photos - (this.#known ?? photos));
    return this.#bar.update(this.#progress, fresh, { isAsked: asks(this.state.get()) });
  }

  // what is to be said in place of photos, as a name and as a function that makes it
  #said() {
    const { phase, problem, hits, found } = this.results;
    const library = this.#library;
    if (library !== null && library.state !== "ready" && hits.length === 0) {
      if (this.#progress?.is_running) {
        return ["coming", comingNotice];
      }
      return [`library ${library.state} ${library.problem}`, () => libraryNotice(library)];
    }
    const onRetry = () => this.results.retry();
    if (this.results.lacksPage) {
      return [`stuck ${problem.message}`, () => stuckNotice(problem, { onRetry })];
    }
    if (this.results.keepsHits) {
      return ["", null]; // the search box says what is wrong
    }
    if (phase === "failed") {
      return [`problem ${problem.status} ${problem.message}`, () => problemNotice(problem, { onRetry })];
    }
    if (phase === "ready" && hits.length === 0) {
      const onAsk = (patch) => this.state.set(patch);
      return [`nothing ${found.query.text}`, () => nothingFound(found.query, { onAsk })];
    }
    return ["", null];
  }
}
