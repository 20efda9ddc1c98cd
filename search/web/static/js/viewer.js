/**
 * One photo, large, over the page: `dialog` is #viewer, `view` of the state says which is open.
 *
 * A modal dialog keeps the focus within, and gives it back. What stands in it is of frame.js;
 * here is which photo is open, what is loaded for it, and where keys lead.
 */

import { loadNear } from "./ahead.js";
import * as api from "./api.js";
import { Frame } from "./frame.js";
import { t } from "./i18n.js";

const SETTLED = 0.15; // seconds at a photo, before more is asked for than its picture
const AHEAD = 8; // hits from the end of those loaded, before more are loaded
const PAGES = 5; // of hits that are loaded at once to find one, or the end

/**
 * Gives `open(index)` for a hit of the results, and `openStack(index)` for one with a stack.
 * The grid is where its reader goes on.
 */
export function mountViewer({ dialog, state, results, grid }) {
  const viewer = new Viewer(dialog, state, results, grid);
  viewer.follow(state.get());
  return {
    open: (index) => viewer.open(index),
    openStack: (index) => viewer.open(index, { stack: true }),
  };
}

class Viewer {
  #photo = null; // the one that is open, once it is known
  #index = -1; // of the hit that it is, or under which it is
  #wasPushed = false; // so that to close is to go back
  #stop = new AbortController();
  #wantsStack = false;
  #ahead = []; // pictures that are kept, so that they are there
  #frame;

  constructor(dialog, state, results, grid) {
    Object.assign(this, { dialog, state, results, grid });
    this.#frame = new Frame(dialog, {
      walk: (step) => this.#walk(step),
      see: (photo) => this.#see(photo.id),
      seeElsewhere: (photo) => this.state.set({ view: photo.id }),
      like: () => this.#judge("like", "unlike"),
      unlike: () => this.#judge("unlike", "like"),
      leave: () => this.#leave(),
    });
    dialog.addEventListener("keydown", (event) => this.#onKey(event));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave();
    });
    dialog.addEventListener("close", () => this.#closedByItself());
    state.subscribe((next) => this.follow(next));
    results.subscribe((event) => this.#onResults(event));
  }

  open(index, { stack = false } = {}) {
    this.#wasPushed = true;
    this.#wantsStack = stack;
    this.state.set({ view: this.results.hits[index].photo.id });
  }

  /** Open what a state says, or close. */
  follow({ view, like, unlike }) {
    if (view === null) {
      this.#close();
      return;
    }
    if (!this.dialog.open) {
      this.dialog.showModal();
      this.#frame.focus();
    }
    this.#frame.mark({ isLiked: like.includes(view), isUnliked: unlike.includes(view) });
    if (this.#photo?.id !== view) {
      this.#show(view);
    }
  }

  #see(id) {
    this.state.set({ view: id }, { replace: true });
  }

  #leave() {
    if (this.#wasPushed) {
      this.#wasPushed = false;
      history.back(); // to the results, as the browser's own button does
      return;
    }
    this.state.set({ view: null }, { replace: true });
  }

  #close() {
    if (!this.dialog.open) {
      return;
    }
    this.dialog.close(); // the focus goes back to where it came from
    this.#stop.abort();
    this.#photo = null;
    this.#wasPushed = false;
    this.#frame.clear();
    if (this.#index >= 0) {
      this.grid.reveal(this.#index);
    }
  }

  // browsers let a second Escape through
  #closedByItself() {
    if (this.state.get().view !== null && !this.dialog.open) {
      this.#stop.abort();
      this.#photo = null;
      this.state.set({ view: null }, { replace: true });
    }
  }

  async #show(id) {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#photo = { id };
    const known = this.#locate(id);
    if (known) {
      this.#picture(known);
    } else {
      this.#frame.clear();
      this.#search();
    }
    try {
      await api.wait(known ? SETTLED : 0, signal);
      this.#ahead = loadNear(this.results.hits, this.#index);
      const details = await api.photo(id, { signal });
      this.#picture(details);
      this.#frame.tell(details, signal);
      await this.#gather(details, signal);
    } catch (error) {
      if (!api.isAborted(error)) {
        this.#frame.fail(error);
      }
    }
  }

  #picture(photo) {
    this.#photo = photo;
    const hit = this.#hit;
    this.#frame.show(photo, hit?.photo.id === photo.id ? hit : null); // no other's facts
    this.#place();
  }

  // photos that show the same: those of the hit, though it may be one of them that is open
  async #gather(details, signal) {
    const { strip } = this.#frame;
    if (strip.has(details.id)) {
      strip.mark(details.id);
      return;
    }
    const hit = this.#hit;
    const isUnder = hit?.stack.some(({ photo }) => photo.id === details.id);
    const shown = strip.show(isUnder ? hit.photo : details, hit?.stack ?? [], signal);
    strip.mark(details.id);
    if (this.#wantsStack) {
      this.#wantsStack = false;
      strip.focus();
    }
    await shown;
    strip.mark(details.id);
  }

  get #hit() {
    return this.results.hits[this.#index] ?? null;
  }

  // the photo, as the results know it
  #locate(id) {
    const isIt = (photo) => photo.id === id;
    this.#index = this.results.hits.findIndex(
      (hit) => isIt(hit.photo) || hit.stack.some((other) => isIt(other.photo)),
    );
    const hit = this.#hit;
    return hit && [hit.photo, ...hit.stack.map(({ photo }) => photo)].find(isIt);
  }

  // a photo that a link leads to may be among hits that are not loaded
  async #search() {
    for (let page = 0; page < PAGES && this.#index < 0; page += 1) {
      if (!(await this.results.loadMore())) {
        return;
      }
    }
  }

  #onResults(event) {
    if (this.#photo === null || event === "began" || event === "failed") {
      return;
    }
    this.#locate(this.#photo.id);
    this.#place();
    if (event === "found" && this.#index < 0) {
      this.#search();
    }
  }

  #place() {
    const { hits, count } = this.results;
    const isKnown = this.#index >= 0;
    const place = this.#index + 1;
    this.#frame.place({
      place: isKnown ? place : null,
      text: isKnown ? t("viewer.place", { place, total: count }) : "",
      hasPrevious: this.#index > 0,
      hasNext: isKnown && this.#index < count - 1,
      canJudge: this.results.found?.is_ranked ?? false,
    });
    if (isKnown && this.#index > hits.length - AHEAD) {
      this.results.loadMore();
    }
  }

  async #walk(step) {
    const from = this.#photo;
    const place = this.#index + step;
    if (this.#index < 0 || place < 0) {
      return;
    }
    if (place >= this.results.hits.length) {
      await this.results.loadMore();
    }
    const hit = this.results.hits[place];
    if (hit && from === this.#photo) {
      this.#see(hit.photo.id);
    }
  }

  async #last() {
    const from = this.#photo;
    for (let page = 0; page < PAGES && this.results.hasMore && from === this.#photo; page += 1) {
      await this.results.loadMore();
    }
    if (from === this.#photo) {
      this.#walk(this.results.hits.length - 1 - this.#index); // nobody went elsewhere meanwhile
    }
  }

  // the next of those that show the same
  #turn(step) {
    const { photos } = this.#frame.strip;
    const place = photos.findIndex(({ id }) => id === this.#photo.id);
    const next = photos[place + step];
    if (next) {
      this.#see(next.id);
    }
  }

  // in or out of what more or less of is wanted; then the results show what came of it
  #judge(side, otherSide) {
    const { id } = this.#photo;
    const now = this.state.get();
    const isIn = now[side].includes(id);
    if (side === "unlike" && !isIn && !this.results.found?.is_ranked) {
      return; // of photos that nothing ranks none can be less
    }
    this.#index = -1; // its place is no more, once others rank
    this.state.set({
      [side]: isIn ? now[side].filter((each) => each !== id) : [...now[side], id],
      [otherSide]: now[otherSide].filter((each) => each !== id),
      view: null,
    });
  }

  #onKey(event) {
    const isTyping = event.target.closest("input, textarea, select");
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping) {
      return;
    }
    const act = this.#keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act && act(event) !== false) {
      event.preventDefault();
    }
  }

  #keys = {
    ArrowRight: () => this.#arrow(1, 0),
    ArrowLeft: () => this.#arrow(-1, 0),
    ArrowDown: (event) => this.#arrow(0, 1, event),
    ArrowUp: (event) => this.#arrow(0, -1, event),
    PageDown: () => this.#walk(1),
    PageUp: () => this.#walk(-1),
    Home: () => this.#walk(-this.#index),
    End: () => this.#last(),
    "+": () => this.#frame.picture.zoomIn(),
    "=": () => this.#frame.picture.zoomIn(),
    "-": () => this.#frame.picture.zoomOut(),
    0: () => this.#frame.picture.fit(),
    i: () => this.#frame.toggle("facts"),
    c: () => this.#frame.toggle("told"),
    "?": () => this.#frame.toggleKeys(),
    s: () => this.#judge("like", "unlike"),
    x: () => this.#judge("unlike", "like"),
  };

  #arrow(across, down, event) {
    const { picture } = this.#frame;
    if (event?.target.closest(".viewer__side")) {
      return false; // it scrolls
    }
    if (picture.isZoomed) {
      picture.pan(across, down);
    } else if (across) {
      this.#walk(across);
    } else {
      this.#turn(down);
    }
    return true;
  }
}
