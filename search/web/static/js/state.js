/**
 * What is asked for, as the address bar holds it: back, forward, reload and bookmarks give the
 * same. Knows no server and no elements.
 *
 * A state is frozen: `q` (text of the query), `photo` (key of a photo that was handed over, or
 * null), `like` and `unlike` (ids of photos), `view` (id of the photo that is open, or null).
 */

const NOTHING = { q: "", photo: null, like: [], unlike: [], view: null };
const ASKED = ["q", "photo", "like", "unlike"];

history.scrollRestoration = "manual"; // photos come later than the browser thinks

const listeners = new Set();
let current = read(location.search);

/** The state now. */
export function get() {
  return current;
}

/**
 * Change the state by a patch, and the address with it. `replace` changes the entry of the
 * browser's history instead of adding one.
 */
export function set(patch, { replace = false } = {}) {
  const next = freeze({ ...current, ...patch });
  const address = addressOf(next);
  if (address === location.pathname + location.search) {
    return;
  }
  const kept = asksTheSame(next, current) ? history.state : null;
  history[replace ? "replaceState" : "pushState"](kept, "", address);
  become(next);
}

/** Keep where the reader is, for when this entry of the history is come back to. */
export function remember(place) {
  history.replaceState(place, "");
}

/** What was kept with the entry of the history that is shown, or null. */
export function remembered() {
  return history.state;
}

/** Where a link leads that changes the state by a patch. */
export function href(patch) {
  return addressOf(freeze({ ...current, ...patch }));
}

/** Hear of each change: `listener(state, previous)`. Gives a function that ends it. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether two states ask for the same photos, whatever is open. */
export function asksTheSame(one, other) {
  return ASKED.every((key) => String(one[key] ?? "") === String(other[key] ?? ""));
}

/** Whether a state asks for anything at all. */
export function asks(state) {
  return !asksTheSame(state, NOTHING);
}

/** The parameters that say what is asked for, as the API takes them. */
export function parametersOf(state) {
  const parameters = new URLSearchParams();
  for (const key of ASKED) {
    const value = String(state[key] ?? "");
    if (value) {
      parameters.set(key, value);
    }
  }
  return parameters;
}

function addressOf(state) {
  const parameters = parametersOf(state);
  if (state.view !== null) {
    parameters.set("view", String(state.view));
  }
  const text = parameters.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text ? `/?${text}` : "/";
}

function read(search) {
  const parameters = new URLSearchParams(search);
  return freeze({
    q: parameters.get("q") ?? "",
    photo: parameters.get("photo") || null,
    like: ids(parameters.get("like")),
    unlike: ids(parameters.get("unlike")),
    view: ids(parameters.get("view"))[0] ?? null,
  });
}

function ids(text) {
  const numbers = (text ?? "").split(",").map(Number);
  return numbers.filter((id) => Number.isSafeInteger(id) && id > 0);
}

function freeze(state) {
  return Object.freeze({
    ...state,
    like: Object.freeze([...new Set(state.like)]),
    unlike: Object.freeze([...new Set(state.unlike)]),
  });
}

function become(next) {
  const previous = current;
  current = next;
  for (const listener of listeners) {
    listener(current, previous);
  }
}

addEventListener("popstate", () => become(read(location.search)));
