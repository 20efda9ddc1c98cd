/** Elements, made of values: text is text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`true` for none but its name; null, false for none at all). */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      made.addEventListener(key.slice(2), value);
    } else if (value === true) {
      made.setAttribute(key, "");
    } else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(key, String(value));
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A picture of `icons/icons.svg` by its name; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${new URL("../icons/icons.svg", import.meta.url).pathname}#${name}`);
  svg.append(use);
  return svg;
}

/** A button that shows an icon and says what it does. */
export function iconButton(name, label, attributes = {}) {
  const { class: more = "", ...others } = attributes;
  const button = element(
    "button",
    { type: "button", "aria-label": label, title: label, ...others },
    icon(name),
  );
  button.className = `icon-button ${more}`.trim();
  return button;
}

const spoken = document.getElementById("announcements");

/** Have a screen reader say something, once it is done with what it says. */
export function announce(text) {
  spoken.textContent = text;
}
