/** Where keys lead among rows of photos. Knows no elements. */

/**
 * The hit that a key leads to from the `active` one, or null. `count` is how many hits there will
 * be once all are loaded, `height` that of the window.
 */
export function step({ key, ctrlKey }, { layout, hits, count, active, height }) {
  const { rows } = layout;
  const at = layout.rowOf(active);
  const page = Math.max(1, Math.floor(height / rows[at].height) - 1);
  const across = (by) => nearest({ layout, hits, count, active, at, by });
  switch (key) {
    case "ArrowRight":
      return Math.min(count - 1, active + 1);
    case "ArrowLeft":
      return Math.max(0, active - 1);
    case "ArrowDown":
      return across(1);
    case "ArrowUp":
      return across(-1);
    case "PageDown":
      return across(page);
    case "PageUp":
      return across(-page);
    case "Home":
      return ctrlKey ? 0 : rows[at].first;
    case "End":
      return ctrlKey ? count - 1 : rows[at].end - 1;
    default:
      return null;
  }
}

/** The hit some rows on that stands nearest to the active one. */
function nearest({ layout, hits, count, active, at, by }) {
  const { rows } = layout;
  const to = Math.min(rows.length - 1, Math.max(0, at + by));
  if (to === at) {
    return by > 0 ? Math.min(count - 1, rows[at].end) : active;
  }
  const middle = ({ left, width }) => left + width / 2;
  const from = middle(layout.places(hits, rows[at])[active - rows[at].first]);
  const away = layout.places(hits, rows[to]).map((place) => Math.abs(middle(place) - from));
  return rows[to].first + away.indexOf(Math.min(...away));
}
