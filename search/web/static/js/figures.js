/** Months, sizes and positions as people of the page's language write them. */

import { language } from "./i18n.js";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** A month `2021-05` or a year `2021`, in words. */
export function month(text, style = "long") {
  const [year, place] = text.split("-").map(Number);
  if (!place) {
    return new Intl.DateTimeFormat(language, { year: "numeric" }).format(new Date(year, 0));
  }
  const options = { year: "numeric", month: style };
  return new Intl.DateTimeFormat(language, options).format(new Date(year, place - 1));
}

/** A month `2021-05` in a word, without its year. */
export function monthOfYear(text) {
  const [year, place] = text.split("-").map(Number);
  return new Intl.DateTimeFormat(language, { month: "short" }).format(new Date(year, place - 1));
}

/** Bytes in the unit that is fit. */
export function bytes(count) {
  const place = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), UNITS.length - 1);
  const value = count / 1000 ** place;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: UNITS[place],
    unitDisplay: "short",
    maximumFractionDigits: place > 0 && value < 10 ? 1 : 0,
  }).format(value);
}

/** A number with so many digits behind the point, at most. */
export function rounded(value, digits = 1) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

/** A position in degrees, north or south, east or west. */
export function position(latitude, longitude) {
  const side = (value, letters) => `${rounded(Math.abs(value), 5)}° ${letters[value < 0 ? 1 : 0]}`;
  return `${side(latitude, "NS")}, ${side(longitude, "EW")}`;
}

/** A position as other programs take it (RFC 5870), to be copied. */
export function geoUri(latitude, longitude) {
  const short = (degrees) => Number(degrees.toFixed(6)); // a decimetre
  return `geo:${short(latitude)},${short(longitude)}`;
}
