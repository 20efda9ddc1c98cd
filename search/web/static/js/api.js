/**
 * The API, as functions that give what it gives. Knows no elements.
 *
 * Each takes a `signal` that aborts it. What goes wrong is thrown as a `Problem`, but for what was
 * aborted (an `AbortError`, see `isAborted`).
 */

import { parametersOf } from "./state.js";

const ROOT = "/api/v1";
const SIZES = [160, 320, 640, 1280, 2048];
const PATIENCE = 3; // times that a busy server is asked again

/** What went wrong, as the server says it (RFC 9457), or that it cannot be reached (status 0). */
export class Problem extends Error {
  constructor({ status = 0, type = "about:blank", title = "", detail = null }) {
    super(detail || title);
    this.name = "Problem";
    this.status = status;
    this.type = type;
    this.title = title;
    this.detail = detail;
  }

  /** Whether it lies in what was asked: the search box says it. */
  get isUsage() {
    return this.status === 400 || this.status === 422;
  }
}

export function isAborted(error) {
  return error.name === "AbortError";
}

/** A page of results (`Found`) for what a state asks for. */
export function search(state, { cursor = null, limit = null, signal } = {}) {
  const parameters = parametersOf(state);
  put(parameters, { cursor, limit });
  return read(`/search?${parameters}`, { signal });
}

/** Hand a photo over and search by it, with what the state asks for beside it. */
export function searchByPhoto(file, state, { limit = null, signal } = {}) {
  const form = new FormData();
  for (const [key, value] of parametersOf({ ...state, photo: null })) {
    form.set(key, value);
  }
  put(form, { limit });
  form.set("photo", file, file.name || "photo");
  return read("/search", { method: "POST", body: form, signal });
}

/** A query as it is understood (`AskedFor`), with filters or terms added and filters dropped. */
export function query(q, { add = [], drop = [], signal } = {}) {
  const parameters = new URLSearchParams({ q });
  add.forEach((each) => parameters.append("add", each));
  drop.forEach((each) => parameters.append("drop", each));
  return read(`/query?${parameters}`, { signal });
}

/** Ways to go on with a text at its caret (a list of `Completion`). */
export async function completions(q, caret, { signal } = {}) {
  const parameters = new URLSearchParams({ q, caret });
  return (await read(`/completions?${parameters}`, { signal })).completions;
}

export function photo(id, { signal } = {}) {
  return read(`/photos/${id}`, { signal });
}

/** Captions of the library for a photo, best first. */
export function captions(id, { cursor = null, limit = null, signal } = {}) {
  const parameters = new URLSearchParams();
  put(parameters, { cursor, limit });
  return read(`/photos/${id}/captions?${parameters}`, { signal });
}

export function duplicates(id, { signal } = {}) {
  return read(`/photos/${id}/duplicates`, { signal });
}

export function facets(q, { signal } = {}) {
  return read(`/facets?${new URLSearchParams({ q })}`, { signal });
}

export function status({ signal } = {}) {
  return read("/status", { signal });
}

/**
 * Hear how far the indexer is: `listener(Progress)`, or `lost()` once nobody answers. Gives a
 * function that ends it.
 */
export function progress(listener, lost) {
  const events = new EventSource(`${ROOT}/index/progress`);
  events.addEventListener("progress", (event) => listener(JSON.parse(event.data)));
  events.addEventListener("error", lost);
  return () => events.close();
}

/**
 * Where a photo's thumbnail is: the smallest whose longer side has `size` pixels. Of a photo whose
 * `version` is not known, browsers keep none.
 */
export function thumbnailUrl({ id, version = null }, size) {
  const known = SIZES.find((each) => each >= size) ?? SIZES.at(-1);
  const suffix = version === null ? "" : `&v=${encodeURIComponent(version)}`;
  return `${ROOT}/photos/${id}/thumbnail?size=${known}${suffix}`;
}

/** The thumbnails of a photo for `srcset`, each with the width that it has. */
export function thumbnailSet(shown, largest = 1280) {
  const share = shown.width / Math.max(shown.width, shown.height);
  return SIZES.filter((size) => size <= largest)
    .map((size) => `${thumbnailUrl(shown, size)} ${Math.max(1, Math.round(size * share))}w`)
    .join(", ");
}

export function originalUrl({ id, version }) {
  return `${ROOT}/photos/${id}/original?v=${encodeURIComponent(version)}`;
}

/** Where the picture of a photo is that was handed over. */
export function handedOverUrl(key) {
  return `${ROOT}/handed-over/${encodeURIComponent(key)}/thumbnail`;
}

async function read(path, options, asked = 0) {
  const response = await reach(ROOT + path, options);
  if (response.status === 429 && asked < PATIENCE) {
    await wait(Number(response.headers.get("Retry-After")) || 1, options.signal);
    return read(path, options, asked + 1);
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.json();
}

async function reach(url, options) {
  try {
    return await fetch(url, { headers: { Accept: "application/json" }, ...options });
  } catch (error) {
    if (isAborted(error)) {
      throw error;
    }
    throw new Problem({ title: error.message });
  }
}

async function problemOf(response) {
  const said = await response.json().catch(() => ({}));
  return new Problem({ title: response.statusText, ...said, status: response.status });
}

/** Let time pass, but for what is aborted. */
export function wait(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

function put(parameters, values) {
  for (const [key, value] of Object.entries(values)) {
    if (value !== null) {
      parameters.set(key, String(value));
    }
  }
}
