/** One line on what was found: how many photos, and how many match well. */

import { t } from "./i18n.js";

export function mountSummary(root, results) {
  results.subscribe((event) => {
    if (event === "found" || event === "more") {
      const text = summaryOf(results);
      if (root.textContent !== text) {
        root.textContent = text; // a screen reader says it once
      }
    }
  });
}

function summaryOf({ found, hits }) {
  const { is_ranked: isRanked, total, cut_off: cutOff, doubt } = found;
  if (hits.length === 0) {
    return "";
  }
  if (!isRanked) {
    return t("summary.all", { count: total });
  }
  if (doubt) {
    return `${t("summary.ranked", { count: total })} · ${t(`summary.${doubt}`)}`;
  }
  const good = hits.findIndex((hit) => !hit.is_good);
  if (cutOff === null || good < 0) {
    return t("summary.ranked", { count: total });
  }
  return good === 0 ? t("summary.none", { total }) : t("summary.good", { count: good, total });
}
