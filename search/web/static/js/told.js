/**
 * What is said of a photo: its own captions, and those of the library that fit it best, ranked by
 * the model (image to text).
 */

import * as api from "./api.js";
import { element } from "./dom.js";
import { percent, t } from "./i18n.js";
import { sentence } from "./notices.js";

const FIRST = 12; // captions of the library
const PHOTOS = 3; // of which the same is said, that are shown

export class Told {
  #own = element("ul", { class: "told" });
  #noOwn = element("p", { class: "quiet" }, t("told.none"));
  #ranked = element("ol", { class: "told told--ranked" });
  #state = element("p", { class: "quiet", role: "status" });
  #more = element("button", { type: "button", class: "text-button" }, t("told.more"));
  #said = new Map(); // items by their text
  #next = null;
  #load = () => {};
  element = element(
    "div",
    {},
    element("h3", {}, t("told.own")),
    this.#own,
    this.#noOwn,
    element("h3", {}, t("told.ranked")),
    this.#ranked,
    this.#state,
    this.#more,
  );

  /** `onOpen(photo)` when a caption's own photo is to be seen. */
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.#more.addEventListener("click", () => this.#load());
    this.clear();
  }

  /** Forget the photo. */
  clear() {
    this.#own.replaceChildren();
    this.#ranked.replaceChildren();
    this.#said.clear();
    this.#noOwn.hidden = true;
    this.#more.hidden = true;
    this.#state.textContent = "";
    this.#next = null;
  }

  /** Show captions of a photo (`PhotoDetails`); a signal stops what is on its way. */
  async show(photo, signal) {
    this.clear();
    this.#own.append(...photo.captions.map(({ text, language }) => said(text, language)));
    this.#noOwn.hidden = photo.captions.length > 0;
    this.#load = () => this.#page(photo, signal);
    await this.#load();
  }

  async #page(photo, signal) {
    this.#state.textContent = t("told.loading");
    try {
      const options = { limit: FIRST, cursor: this.#next, signal };
      const { hits, next } = await api.captions(photo.id, options);
      if (signal.aborted) {
        return;
      }
      hits.forEach((hit) => this.#add(hit, photo));
      this.#next = next;
      this.#more.hidden = next === null;
      this.#state.textContent = this.#ranked.childElementCount > 0 ? "" : t("told.no_captions");
    } catch (error) {
      if (!api.isAborted(error)) {
        this.#state.textContent = sentence(error);
      }
    }
  }

  // photos of which the same is said share its line
  #add({ caption, confidence, photo }, shown) {
    let item = this.#said.get(caption.text);
    if (!item) {
      item = said(caption.text, caption.language);
      item.append(element("p", { class: "quiet" }, confidence === null ? "" : percent(confidence)));
      this.#said.set(caption.text, item);
      this.#ranked.append(item);
    }
    if (caption.photo === shown.id) {
      const words = item.querySelector(".quiet");
      words.textContent = [words.textContent, t("told.its_own")].filter(Boolean).join(" · ");
    } else if (item.querySelectorAll("button").length < PHOTOS) {
      item.append(this.#photo(photo));
    }
  }

  #photo(photo) {
    const picture = element("img", { src: api.thumbnailUrl(photo, 160), alt: "", loading: "lazy" });
    const label = t("told.open", { name: photo.name });
    const attributes = { type: "button", class: "told__photo", "aria-label": label, title: photo.name };
    return element("button", { ...attributes, onclick: () => this.onOpen(photo) }, picture);
  }
}

const said = (text, lang) => element("li", {}, element("p", { class: "told__text", lang }, text));
