/**
 * What is searched for, as it was understood: a chip for each term, filter and photo, with buttons
 * that change it. Each change is a whole text that the server gave: no language is known here.
 */

import { handedOverUrl, thumbnailUrl } from "./api.js";
import { element, icon, iconButton } from "./dom.js";
import { number, t } from "./i18n.js";

export class Chips {
  #root;
  #state;
  #box;
  #results = null;
  #waiting = []; // buttons that were pressed before what they change was known
  #picture = null; // { key, url } of the photo that was handed over from this page

  constructor({ root, state, box }) {
    this.#root = root;
    this.#state = state;
    this.#box = box;
  }

  mount(results) {
    this.#results = results;
    results.subscribe((event) => {
      if (event === "found") {
        this.show(results.found.query);
        this.#goOn();
      } else if (event === "failed") {
        this.#waiting = [];
      }
    });
  }

  /** Show a photo as what it is, before the server has a key for it; null for none. */
  showPicture(file) {
    if (this.#picture) {
      URL.revokeObjectURL(this.#picture.url);
    }
    this.#picture = file && { key: null, name: file.name, url: URL.createObjectURL(file) };
  }

  /** Say by which key the server knows the photo that is shown. */
  namePicture(key) {
    if (this.#picture) {
      this.#picture.key = key;
    }
  }

  show(query) {
    const focused = this.#focusedKey();
    const made = [
      ...this.#photoChips(query),
      ...query.like.map((id) => this.#likeChip("like", id)),
      ...query.unlike.map((id) => this.#likeChip("unlike", id)),
      ...(isPlain(query) ? [] : query.terms.filter(isText).map((term, at) => this.#termChip(term, at))),
      ...query.filters.map((filter, at) => this.#filterChip(filter, at)),
    ];
    const isAsked = made.length > 0 || query.terms.length > 0;
    this.#root.hidden = !isAsked;
    this.#root.replaceChildren(
      ...(made.length > 0 ? [element("ul", { class: "chips" }, ...made)] : []),
      element(
        "div",
        { class: "adders" },
        this.#adder("+", "plus", "add"),
        this.#adder("-", "without", "subtract"),
      ),
    );
    this.#refocus(focused);
  }

  #photoChips({ photo }) {
    if (photo === null) {
      return [];
    }
    const own = this.#picture?.key === photo ? this.#picture : null;
    const name = own?.name ? t("chips.photoNamed", { name: own.name }) : t("chips.photo");
    const remove = { photo: null };
    return [this.#pictureChip(t("chips.photo"), name, own?.url ?? handedOverUrl(photo), "photo", remove)];
  }

  #likeChip(kind, id) {
    const remove = { [kind]: this.#state.get()[kind].filter((other) => other !== id) };
    return this.#pictureChip(
      t(`chips.${kind}Short`),
      t(`chips.${kind}`, { id: String(id) }),
      thumbnailUrl({ id }, 160),
      `${kind}-${id}`,
      remove,
      kind === "unlike",
    );
  }

  #pictureChip(text, name, url, key, remove, isNegated = false) {
    const picture = element("img", { src: url, alt: "", draggable: "false" });
    const frame = element("span", { class: "chip__picture" }, picture);
    const words = element("span", { class: "chip__text" }, text);
    picture.addEventListener("error", () => {
      frame.replaceChildren(icon("broken"));
      if (key === "photo") {
        words.textContent = t("chips.lost");
      }
    });
    return element(
      "li",
      { class: `chip chip--photo${isNegated ? " chip--negated" : ""}`, title: name },
      frame,
      words,
      tools(this.#tool("close", t("chips.remove", { what: name }), `${key}/without`, remove)),
    );
  }

  #termChip({ value, weight, edits }, at) {
    const isNegated = weight < 0;
    const size = Math.abs(weight);
    const edit = (name, glyph, label) => {
      const q = edits?.[name] ?? null;
      return q === null ? null : this.#tool(glyph, t(label, { what: value }), `term-${at}/${name}`, { q });
    };
    const weightText = element(
      "span",
      { class: `chip__weight${size === 1 ? "" : " chip__weight--set"}` },
      t("chips.weight", { weight: number(size) }),
    );
    return element(
      "li",
      { class: `chip${isNegated ? " chip--negated" : ""}` },
      isNegated ? element("span", { class: "visually-hidden" }, t("chips.negated", { what: "" })) : null,
      element("span", { class: "chip__text", title: value }, value),
      tools(
        edit("lighter", "minus", "chips.lighter"),
        weightText,
        edit("heavier", "plus", "chips.heavier"),
        edit("negated", "without", isNegated ? "chips.wantAgain" : "chips.negate"),
        edit("without", "close", "chips.remove"),
      ),
    );
  }

  #filterChip({ key, value, is_negated: isNegated, written, edits }, at) {
    const label = isNegated ? "chips.wantAgain" : "chips.negate";
    return element(
      "li",
      { class: `chip${isNegated ? " chip--negated" : ""}`, title: written },
      element(
        "span",
        { class: "chip__text" },
        element("span", { class: "chip__key" }, `${key}:`),
        value,
      ),
      tools(
        edits.negated === null
          ? null
          : this.#tool("without", t(label, { what: written }), `filter-${at}/negated`, {
              q: edits.negated,
            }),
        this.#tool("close", t("chips.remove", { what: written }), `filter-${at}/without`, {
          q: edits.without,
        }),
      ),
    );
  }

  #adder(sign, glyph, text) {
    const button = element(
      "button",
      { class: "adder", type: "button", "aria-label": t(`chips.${text}Label`), "data-key": text },
      icon(glyph),
      t(`chips.${text}`),
    );
    button.addEventListener("click", () => this.#box.begin(sign));
    return button;
  }

  /** A button that changes the state by a patch. */
  #tool(glyph, label, key, patch) {
    const button = iconButton(glyph, label, { "data-key": key });
    button.addEventListener("click", () => this.#press(key, patch));
    return button;
  }

  #press(key, patch) {
    if (this.#results.phase === "loading") {
      this.#waiting.push(key); // what it would change is about to change
    } else {
      this.#state.set({ ...patch, view: null });
    }
  }

  #goOn() {
    const key = this.#waiting.shift();
    const button = key && this.#root.querySelector(`[data-key="${key}"]`);
    if (button) {
      setTimeout(() => button.click()); // once all have heard what was found
    } else {
      this.#waiting = [];
    }
  }

  #focusedKey() {
    return this.#root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  }

  /** The focus stays on the button that was pressed, or goes to what is left. */
  #refocus(key) {
    if (!key) {
      return;
    }
    const buttons = [...this.#root.querySelectorAll("[data-key]")];
    const same = buttons.find((button) => button.dataset.key === key);
    (same ?? buttons[0])?.focus();
    if (buttons.length === 0) {
      this.#box.focus();
    }
  }
}

function tools(...buttons) {
  return element("span", { class: "chip__tools" }, ...buttons);
}

function isText(term) {
  return term.kind === "text";
}

/** One text alone is what the box shows already, and its weight weighs against nothing. */
function isPlain({ terms, like, unlike, photo }) {
  const [first] = terms;
  return terms.length === 1 && isText(first) && first.weight > 0 && photo === null && like.length === 0 && unlike.length === 0;
}
