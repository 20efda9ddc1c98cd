/** Wires the page: the state asks, the results answer, everything else shows them. */

import { Box } from "./box.js";
import { Chips } from "./chips.js";
import { mountDrop } from "./drop.js";
import { mountFilters } from "./filters.js";
import { Grid } from "./grid.js";
import { Results } from "./results.js";
import { mountLanguage, mountTheme } from "./settings.js";
import * as state from "./state.js";
import { mountStatus } from "./status.js";
import { mountSummary } from "./summary.js";
import { mountViewer } from "./viewer.js";

const byId = (id) => document.getElementById(id);

const results = new Results();
const box = new Box({
  form: byId("search"),
  input: byId("box"),
  list: byId("completions"),
  clear: byId("clear"),
  problem: byId("box-problem"),
  state,
});
const chips = new Chips({ root: byId("asked"), state, box });
const grid = new Grid({
  root: byId("grid"),
  results,
  onOpen: (index) => viewer.open(index),
  onOpenStack: (index) => viewer.openStack(index),
});

box.mount(results);
chips.mount(results);
grid.mount();
mountSummary(byId("summary"), results);
mountTheme(byId("theme"));
mountLanguage(byId("language"), state);

// what follows draws into the elements that it is given
const viewer = mountViewer({ dialog: byId("viewer"), state, results, grid });
mountFilters({ aside: byId("filters"), toggle: byId("filters-toggle"), state, results });
mountStatus({ region: byId("status"), state, results });

let handedOver = null; // a photo on its way to the server
mountDrop({ zone: byId("drop-zone"), pick: byId("pick"), input: byId("file"), onPhoto: handOver });

async function handOver(file) {
  handedOver = file;
  chips.showPicture(file);
  const found = await results.loadByPhoto(file, state.get());
  if (results.phase !== "loading") {
    handedOver = null; // it came, or it never will
  }
  if (found === null) {
    return; // something else is asked for by now
  }
  chips.namePicture(found.query.photo);
  chips.show(found.query);
  state.set({ photo: found.query.photo, view: null });
}

state.subscribe((now, before) => {
  if (state.asksTheSame(now, before) || results.isFor(now)) {
    return;
  }
  if (handedOver !== null) {
    handOver(handedOver);
  } else {
    results.load(now);
  }
});

byId("home").addEventListener("click", (event) => {
  if (!event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    state.set({ q: "", photo: null, like: [], unlike: [], view: null });
  }
});

addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
  }
});

results.load(state.get());
