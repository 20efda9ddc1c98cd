/**
 * The photos that were found, page by page, in order: what the grid draws and the viewer walks.
 * Knows no elements.
 *
 * `phase` is "loading" (nothing of it is there yet; `hits` may still be those of before, see
 * `isStale`), "ready" or "failed" (see `problem`). Listeners hear "began" (another search began),
 * "found" (the first page of it came), "more" (another page came) and "failed" (see `retry`).
 */

import * as api from "./api.js";
import { asksTheSame } from "./state.js";

const FIRST = 60; // hits: enough for the first screen
const MORE = 200; // as many as the API gives at once

export class Results {
  hits = [];
  found = null; // the first page: what was understood, how many there are
  phase = "loading";
  problem = null;
  #failed = "search"; // or "page"
  #asked = null; // the state that is searched for
  #shown = null; // the state that `hits` are of
  #next = null;
  #stop = new AbortController();
  #loading = null;
  #listeners = new Set();

  /** Hear of what happens: `listener(event, results)`. Gives a function that ends it. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether `hits` are of the search before, as long as the first page of this one is not there. */
  get isStale() {
    return this.phase === "loading" && this.found !== null;
  }

  /** Whether there are hits that were not loaded. */
  get hasMore() {
    const stands = this.phase === "ready" || this.keepsHits; // there is nothing else to load
    return stands && this.#next !== null;
  }

  /** Whether a search could not be read, and the hits of the one before still stand. */
  get keepsHits() {
    return this.phase === "failed" && this.problem.isUsage && this.hits.length > 0;
  }

  /** How many hits there will be in all, once all are loaded. */
  get count() {
    if (this.found === null) {
      return 0;
    }
    return this.hasMore ? Math.max(this.found.total, this.hits.length + 1) : this.hits.length;
  }

  /** Search for what a state asks for; what is being searched for is given up. */
  load(state) {
    return this.#begin(state, (signal) => api.search(state, { limit: FIRST, signal }));
  }

  /** Hand a photo over and search by it; gives what was found, or null. */
  loadByPhoto(file, state) {
    return this.#begin(state, (signal) => api.searchByPhoto(file, state, { limit: FIRST, signal }));
  }

  /** Load another page; gives whether more hits came. Calls meanwhile give the same promise. */
  loadMore() {
    if (!this.hasMore) {
      return Promise.resolve(false);
    }
    this.#loading ??= this.#more(this.#stop.signal);
    return this.#loading;
  }

  /** Whether it is but a further page that failed: what was found before stands. */
  get lacksPage() {
    return this.phase === "failed" && this.#failed === "page";
  }

  /** Do again what failed: the search, or the page that did not come. */
  retry() {
    if (this.#failed === "search") {
      return this.load(this.#asked);
    }
    this.phase = "ready";
    return this.loadMore();
  }

  /** Whether what a state asks for is what was searched for. */
  isFor(state) {
    return this.#asked !== null && asksTheSame(this.#asked, state);
  }

  /** The place of a photo among the hits that are loaded, or -1. */
  indexOf(id) {
    return this.hits.findIndex((hit) => hit.photo.id === id);
  }

  async #begin(state, ask) {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#asked = state;
    this.#loading = null;
    this.#become("loading", null, "began");
    try {
      const found = await ask(signal);
      if (signal.aborted) {
        return null;
      }
      this.found = found;
      this.hits = [...found.hits];
      this.#next = found.next;
      // pages that follow are asked for by the key that the photo has now
      this.#asked = { ...state, photo: found.query.photo };
      this.#shown = this.#asked;
      this.#become("ready", null, "found");
      return found;
    } catch (error) {
      if (!api.isAborted(error) && !signal.aborted) {
        this.#fail(error, "search");
      }
      return null;
    }
  }

  async #more(signal) {
    try {
      const found = await api.search(this.#shown, { cursor: this.#next, limit: MORE, signal });
      if (signal.aborted) {
        return false;
      }
      this.hits.push(...found.hits);
      this.#next = found.next;
      this.#loading = null; // whoever hears of it may ask for the page that follows
      this.#tell("more");
      return found.hits.length > 0;
    } catch (error) {
      if (!api.isAborted(error) && !signal.aborted) {
        this.#fail(error, "page");
      }
      return false;
    }
  }

  #fail(error, what) {
    if (!(error instanceof api.Problem)) {
      throw error;
    }
    this.#failed = what;
    this.#loading = null;
    this.#become("failed", error, "failed");
  }

  #become(phase, problem, event) {
    this.phase = phase;
    this.problem = problem;
    this.#tell(event);
  }

  #tell(event) {
    for (const listener of this.#listeners) {
      listener(event, this);
    }
  }
}
