/** Which keys the viewer knows, for those who ask. */

import { element, iconButton } from "./dom.js";
import { t } from "./i18n.js";

const KEYS = [
  ["→ ←", "walk"],
  ["Home End", "ends"],
  ["↓ ↑", "turn"],
  ["+ − 0", "zoom"],
  ["I", "facts"],
  ["C", "told"],
  ["S", "like"],
  ["X", "unlike"],
  ["Esc", "close"],
];

/** A button, and the list that it shows; `?` presses it. */
export function keyList() {
  const list = element(
    "dl",
    {},
    ...KEYS.map(([keys, does]) => element("div", {}, names(keys), element("dd", {}, t(`viewer.${does}`)))),
  );
  const heading = element("h2", { id: "viewer-keys-heading" }, t("viewer.keys"));
  const shown = element(
    "div",
    { id: "viewer-keys", class: "viewer__keys", popover: "auto", role: "group", "aria-labelledby": heading.id },
    heading,
    list,
  );
  const label = t("viewer.keys");
  const attributes = { class: "viewer__keys-button", popovertarget: shown.id, title: `${label} (?)` };
  return { button: iconButton("keys", label, attributes), shown };
}

function names(keys) {
  const parts = keys.split(" ").flatMap((key) => [element("kbd", {}, key), " "]);
  return element("dt", {}, ...parts);
}
