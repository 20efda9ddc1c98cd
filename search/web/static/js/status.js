/** What stands in place of photos, or above them: nothing found, an error, indexing. */

export function mountStatus({ region, results }) {
  results.subscribe(() => {
    region.hidden = results.phase !== "failed";
    region.textContent = results.problem?.message ?? "";
  });
}
