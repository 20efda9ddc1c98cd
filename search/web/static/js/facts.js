/** The facts of a photo, as a list of names and values. Knows nothing of where it stands. */

import { element } from "./dom.js";
import { bytes, geoUri, position, rounded } from "./figures.js";
import { dayAndTime, number, percent, t } from "./i18n.js";

/** A `dl` of what is known of a photo (`PhotoDetails`), and of the hit that it is, if any. */
export function factList(photo, hit) {
  const list = element("dl", { class: "facts" });
  for (const [key, ...values] of known(photo, hit)) {
    const shown = values.filter((value) => value !== null && value !== "");
    if (shown.length > 0) {
      const lines = shown.map((value) => element("dd", {}, value));
      list.append(element("div", { class: `fact fact--${key}` }, term(key), ...lines));
    }
  }
  return list;
}

const term = (key) => element("dt", {}, t(`facts.${key}`));

function known(photo, hit) {
  return [
    ["title", photo.title],
    ["description", photo.description],
    ["taken", photo.taken_at && dayAndTime(photo.taken_at)],
    ["rating", photo.rating === null ? null : stars(photo.rating)],
    ["place", photo.place],
    ["position", ...where(photo)],
    ["camera", photo.camera],
    ["lens", photo.lens],
    ["exposure", exposure(photo)],
    ["size", `${number(photo.width)} × ${number(photo.height)}`, weight(photo)],
    ["keywords", photo.keywords.length > 0 ? keywordList(photo.keywords) : null],
    ["file", photo.name, photo.folder],
    ["found", ...(hit ? foundBy(hit) : [])],
  ];
}

function where({ latitude, longitude }) {
  if (latitude === null || longitude === null) {
    return [];
  }
  return [
    position(latitude, longitude),
    element("code", { class: "facts__geo" }, geoUri(latitude, longitude)),
  ];
}

function exposure({ focal_length: focal, aperture, iso }) {
  const parts = [
    focal === null ? null : `${rounded(focal)} mm`,
    aperture === null ? null : `f/${rounded(aperture)}`,
    iso === null ? null : `ISO ${iso}`,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

function weight({ width, height, size, format }) {
  const millions = (width * height) / 1e6;
  const parts = [
    millions < 0.1 ? null : t("facts.megapixels", { value: rounded(millions) }),
    size === undefined ? null : bytes(size), // it comes with the details
    format,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

function stars(rating) {
  if (rating < 0) {
    return t("facts.rejected");
  }
  const shown = "★".repeat(rating) + "☆".repeat(5 - rating);
  return element("span", { role: "img", "aria-label": t("facts.stars", { count: rating }) }, shown);
}

function keywordList(keywords) {
  const items = keywords.map(({ text, source, score }) => {
    const sure = score === null ? "" : `, ${percent(score)}`;
    return element("li", { title: t(`facts.from_${source}`) + sure }, text);
  });
  return element("ul", { class: "keywords" }, ...items);
}

function foundBy({ confidence, found_by: channels, told }) {
  return [
    confidence === null ? null : t("facts.confidence", { share: percent(confidence) }),
    ...channels.map(({ channel, rank }) => t(`facts.by_${channel}`, { rank })),
    told === null ? null : element("q", {}, told),
  ];
}
