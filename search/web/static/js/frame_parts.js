/** The elements of the viewer, bare of any photo: its bar, stage, and panels beside it. */

import { element, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { keyList } from "./key_list.js";

/** Elements by name, for actions by name; `picture`, `strip` and `told` are elements to put in. */
export function partsOf(actions, { picture, strip, told }) {
  const parts = { ...buttons(actions), ...texts(), keys: keyList() };
  parts.panels = { facts: panel("facts"), told: panel("told") };
  parts.panels.told.append(told);
  parts.bar = element(
    "div",
    { class: "viewer__bar" },
    parts.close,
    element("div", { class: "viewer__title" }, parts.heading, parts.where),
    element("div", { class: "viewer__zoom" }, parts.out, parts.scale, parts.in),
    element(
      "div",
      { class: "viewer__actions" },
      parts.like,
      parts.unlike,
      parts.toggles.told,
      parts.toggles.facts,
      parts.download,
      parts.keys.button,
    ),
    parts.keys.shown,
    parts.spoken,
  );
  parts.stage = element(
    "div",
    { class: "viewer__stage" },
    element("div", { class: "viewer__room" }, picture, parts.problem, parts.previous, parts.next),
    strip,
  );
  parts.side = element("aside", {
    class: "viewer__side",
    "aria-label": t("viewer.about"),
    tabindex: 0, // arrows scroll it
  });
  parts.side.append(parts.panels.facts, parts.panels.told);
  return parts;
}

function texts() {
  return {
    heading: element("h2", { id: "viewer-heading", class: "viewer__heading" }),
    where: element("p", { class: "viewer__place" }),
    scale: element("span", { class: "viewer__scale" }),
    spoken: element("p", { class: "visually-hidden", role: "status" }),
    problem: element("p", { class: "viewer__problem", role: "alert", hidden: true }),
  };
}

function buttons(actions) {
  return {
    close: small("close", "close", "Esc", actions.leave),
    previous: small("left", "previous", "←", () => actions.walk(-1), "viewer__previous"),
    next: small("right", "next", "→", () => actions.walk(1), "viewer__next"),
    out: small("minus", "zoom_out", "−", actions.zoomOut),
    in: small("plus", "zoom_in", "+", actions.zoomIn),
    like: worded("like", "S", actions.like, { "aria-pressed": "false" }),
    unlike: worded("unlike", "X", actions.unlike, { "aria-pressed": "false" }),
    toggles: {
      facts: worded("info", "I", () => actions.toggle("facts"), opens("facts"), "facts"),
      told: worded("captions", "C", () => actions.toggle("told"), opens("told"), "told"),
    },
    download: element(
      "a",
      { class: "icon-button", download: true, "aria-label": t("viewer.download") },
      icon("download"),
    ),
  };
}

const opens = (panelName) => ({ "aria-expanded": "false", "aria-controls": `viewer-${panelName}` });

function small(picture, name, key, act, classes = "") {
  const label = t(`viewer.${name}`);
  return iconButton(picture, label, { title: `${label} (${key})`, class: classes, onclick: act });
}

// its words are seen where there is room, and heard everywhere
function worded(picture, key, act, attributes, name = picture) {
  const label = t(`viewer.${name}`);
  return element(
    "button",
    {
      type: "button",
      class: "icon-button viewer__worded",
      title: `${label} (${key})`,
      "aria-keyshortcuts": key,
      onclick: act,
      ...attributes,
    },
    icon(picture),
    element("span", {}, label),
  );
}

function panel(name) {
  const heading = element("h2", { id: `viewer-${name}-heading` }, t(`viewer.${name}`));
  const attributes = { id: `viewer-${name}`, "aria-labelledby": heading.id, hidden: true };
  return element("section", attributes, heading);
}
