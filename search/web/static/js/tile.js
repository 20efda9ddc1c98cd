/** One photo of the grid: a link to it, with what is known of the hit. */

import { thumbnailSet, thumbnailUrl } from "./api.js";
import { element, icon } from "./dom.js";
import { day, number, percent, t } from "./i18n.js";
import { href } from "./state.js";

const PATIENCE = 3; // times that a picture is asked for
const LEAST = 0.05; // of confidence, to be drawn
const PAUSE = 1200; // ms until it is asked for again: a server that is busy says so

/** A tile without its picture, which `fillTile` gives it. */
export function makeTile(hit, index, { left, width }) {
  const { photo } = hit;
  const link = element(
    "a",
    { class: "tile__link", href: href({ view: photo.id }), draggable: "false" },
    element("img", { class: "tile__picture", alt: nameOf(hit), decoding: "async", draggable: "false" }),
    element(
      "span",
      { class: "tile__foot", "aria-hidden": "true" },
      element("span", { class: "tile__name" }, footOf(hit)),
      hit.told ? element("span", { class: "tile__told" }, hit.told) : null,
    ),
    ...sureness(hit),
  );
  const tile = element("div", { class: "tile", role: "gridcell", "data-index": index }, link);
  tile.style.left = `${left}px`;
  tile.style.width = `${width}px`;
  if (hit.stack.length > 0) {
    tile.append(stackButton(hit.stack.length));
  }
  return tile;
}

/** Have a tile load its picture, at the size that it is seen at. */
export function fillTile(tile, { photo }, width) {
  const picture = tile.querySelector("img");
  if (picture.hasAttribute("src") || tile.dataset.lost) {
    return;
  }
  let asked = 1;
  picture.addEventListener("error", () => {
    if (!picture.hasAttribute("src")) {
      return;
    }
    picture.removeAttribute("srcset");
    picture.removeAttribute("src");
    if (asked < PATIENCE) {
      asked += 1;
      setTimeout(() => tile.isConnected && load(picture, photo, width), PAUSE * asked);
    } else {
      tile.dataset.lost = "true";
      tile.firstChild.append(
        element("span", { class: "tile__lost" }, icon("broken"), t("grid.lost")),
      );
    }
  });
  load(picture, photo, width);
}

/** Give up what a tile still loads. */
export function emptyTile(tile) {
  const picture = tile.querySelector("img");
  if (!picture.complete) {
    picture.removeAttribute("srcset");
    picture.removeAttribute("src");
  }
}

function load(picture, photo, width) {
  picture.sizes = `${width}px`;
  picture.srcset = thumbnailSet(photo);
  picture.src = thumbnailUrl(photo, 320);
}

function sureness({ confidence, is_good: isGood }) {
  if (confidence === null) {
    return [];
  }
  const said = t("grid.confidence", { share: percent(confidence) });
  const words = element("span", { class: "visually-hidden" }, ` ${said}`);
  if (!isGood || confidence < LEAST) {
    return [words]; // to those who see, the line above says it, or an empty bar would say nothing
  }
  const bar = element("span", { class: "tile__sure", "aria-hidden": "true" });
  bar.style.setProperty("--share", `${Math.round(confidence * 100)}%`);
  return [bar, words];
}

function stackButton(count) {
  const label = t("grid.stack", { count });
  return element(
    "button",
    { class: "tile__stack", type: "button", tabindex: "-1", "aria-label": label, title: label },
    icon("stack"),
    element("span", { "aria-hidden": "true" }, number(count + 1)),
  );
}

function nameOf({ photo, told }) {
  return [told ?? photo.title ?? photo.name, photo.taken_at && day(photo.taken_at)]
    .filter(Boolean)
    .join(", ");
}

function footOf({ photo, confidence }) {
  return [
    photo.title ?? photo.name,
    photo.taken_at && day(photo.taken_at),
    confidence === null ? null : percent(confidence),
  ]
    .filter(Boolean)
    .join(" · ");
}
