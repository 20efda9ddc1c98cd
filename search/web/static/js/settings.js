/** How the page looks and speaks: light or dark, and its language. */

import { icon } from "./dom.js";
import { t } from "./i18n.js";

const THEMES = ["auto", "light", "dark"];
const ICONS = { auto: "theme", light: "sun", dark: "moon" };
const root = document.documentElement;

/** A button that goes through light, dark and what the system says. */
export function mountTheme(button) {
  const show = () => {
    const theme = root.dataset.theme ?? "auto";
    button.replaceChildren(icon(ICONS[theme]));
    button.setAttribute("aria-label", t(`theme.${theme}`));
    button.title = t(`theme.${theme}`);
  };
  button.addEventListener("click", () => {
    const at = THEMES.indexOf(root.dataset.theme ?? "auto");
    apply(THEMES[(at + 1) % THEMES.length]);
    show();
  });
  show();
}

/** A link to the same page in another language. */
export function mountLanguage(link, state) {
  const other = link.hreflang;
  const show = () => {
    const address = new URL(state.href({}), location.origin);
    address.searchParams.set("lang", other);
    link.href = address.pathname + address.search;
  };
  state.subscribe(show);
  show();
}

function apply(theme) {
  if (theme === "auto") {
    delete root.dataset.theme;
  } else {
    root.dataset.theme = theme;
  }
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // a browser that keeps nothing shows it for now
  }
}
