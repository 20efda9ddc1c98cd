/**
 * One photo, large, over the page: `dialog` is #viewer, `view` of the state says which is open.
 * Gives `open(index)` for a hit of the results, and `openStack(index)` for one with a stack.
 */

export function mountViewer({ dialog, state, results }) {
  const show = (index) => state.set({ view: results.hits[index].photo.id });
  dialog.addEventListener("close", () => state.set({ view: null }));
  return { open: show, openStack: show };
}
