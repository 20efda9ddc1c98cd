/** Photos that show the same as one, in a row, to look at each of them. */

import * as api from "./api.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";
import { sentence } from "./notices.js";

export class Strip {
  #best = null; // the photo that stands for all
  #others = [];
  #current = null; // the id of the one that is seen
  #list = element("ul", {});
  #heading = element("h3", { id: "strip-heading" });
  element = element(
    "nav",
    { class: "strip", "aria-labelledby": "strip-heading", hidden: true },
    this.#heading,
    this.#list,
  );

  /** `onOpen(photo)` when one of them is to be seen. */
  constructor(onOpen) {
    this.onOpen = onOpen;
  }

  /** All of them, the one that stands for the others first. */
  get photos() {
    return this.#best === null ? [] : [this.#best, ...this.#others.map(({ photo }) => photo)];
  }

  clear() {
    this.#best = null;
    this.#others = [];
    this.element.hidden = true;
  }

  has(id) {
    return this.photos.some((photo) => photo.id === id);
  }

  /** Show those that are known to be like a photo (`Stacked`), and look for others. */
  async show(photo, stack, signal) {
    this.#best = photo;
    this.#others = [...stack];
    this.#draw(photo.id);
    try {
      const { others } = await api.duplicates(photo.id, { signal });
      const isNew = others.filter((other) => !this.has(other.photo.id));
      if (!signal.aborted && isNew.length > 0) {
        this.#others.push(...isNew);
        this.#draw(this.#current ?? photo.id);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error) {
    if (!api.isAborted(error)) {
      this.element.hidden = false;
      this.#heading.textContent = t("strip.problem", { why: sentence(error) });
    }
  }

  /** Tell which of them is seen. */
  mark(id) {
    this.#current = id;
    for (const button of this.#list.querySelectorAll("button")) {
      const isShown = button.dataset.id === String(id);
      button.setAttribute("aria-current", String(isShown));
      if (isShown) {
        button.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    }
  }

  /** Put the focus on the first of the others. */
  focus() {
    this.#list.querySelector("li:nth-child(2) button")?.focus();
  }

  #draw(current) {
    this.element.hidden = this.#others.length === 0;
    this.#heading.textContent = t("strip.heading", { count: this.#others.length + 1 });
    this.#list.replaceChildren(
      this.#item(this.#best, t("strip.best")),
      ...this.#others.map(({ photo, kind }) => this.#item(photo, t(`strip.${kind}`))),
    );
    this.mark(current);
  }

  #item(photo, why) {
    const picture = element("img", { src: api.thumbnailUrl(photo, 160), alt: photo.name });
    const button = element(
      "button",
      { type: "button", "data-id": photo.id, title: photo.name },
      picture,
      element("span", {}, why),
    );
    button.addEventListener("click", () => this.onOpen(photo));
    return element("li", {}, button);
  }
}
