/**
 * The page's texts in the language of its reader, and numbers and dates as that language has them.
 *
 * `static/locales/*.json` hold the texts: `{"part": {"key": "text with {value}"}}`, or
 * `{"one": "...", "other": "..."}` where `count` decides, by the plural rules of the language.
 */

export const language = document.documentElement.lang;

const texts = await (await fetch(new URL(`../locales/${language}.json`, import.meta.url))).json();
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** The text of `part.key`, with values put in. A text that is missing is an error. */
export function t(key, values = {}) {
  const found = key.split(".").reduce((node, name) => node?.[name], texts);
  const text = typeof found === "object" ? (found[plurals.select(values.count)] ?? found.other) : found;
  if (typeof text !== "string") {
    throw new Error(`There is no text ${key} in ${language}.`);
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
}

export function number(value) {
  return numbers.format(value);
}

/** A share of 1, as per cent. */
export function percent(share) {
  return percents.format(share);
}

/** The day of a moment as the camera's clock showed it, in words. */
export function day(moment) {
  return days.format(wall(moment));
}

/** The day and the time of a moment as the camera's clock showed it, in words. */
export function dayAndTime(moment) {
  return moments.format(wall(moment));
}

function shown(value) {
  return typeof value === "number" ? number(value) : String(value);
}

// what the camera's clock showed, wherever the reader is: without the offset
function wall(moment) {
  return new Date(moment.replace(/(Z|[+-]\d\d:?\d\d)$/, ""));
}
