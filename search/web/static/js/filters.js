/** What the photos are like, counted, to narrow a query by: `aside` is #filters. */

export function mountFilters({ aside, toggle }) {
  toggle.addEventListener("click", () => {
    aside.hidden = !aside.hidden;
    toggle.setAttribute("aria-expanded", String(!aside.hidden));
  });
}
