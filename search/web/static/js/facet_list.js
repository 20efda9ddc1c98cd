/** Values of one facet with their counts, to be put into the query or taken out again. */

import { element } from "./dom.js";
import { number, t } from "./i18n.js";

const FEW = 7; // values that are shown before one asks for more
const MANY = 200; // elements at once; whoever wants another value searches for it

export class FacetList {
  #values = [];
  #showsAll = false;
  #search;
  #list;
  #none = element("p", { class: "quiet", hidden: true }, t("filters.no_value"));
  #more = element("button", { type: "button", class: "text-button" });

  /** `kind` is the facet's name in texts; `onChoose(value)` gets a `FacetValue`. */
  constructor(kind, onChoose, { label = (value) => value.label } = {}) {
    this.label = label;
    this.onChoose = onChoose;
    this.kind = kind;
    this.#search = element("input", {
      type: "search",
      class: "facet__search",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": t(`filters.search_${kind}`),
      placeholder: t(`filters.search_${kind}`),
      oninput: () => this.#draw(),
    });
    this.#list = element("ul", { class: "facet__values", "aria-label": t(`filters.${kind}`) });
    this.#more.addEventListener("click", () => {
      this.#showsAll = !this.#showsAll;
      this.#draw();
    });
    this.element = element("div", {}, this.#search, this.#list, this.#none, this.#more);
  }

  /** Show values (a list of `FacetValue`); of many, those that are asked for before others. */
  update(values) {
    const isFirst = ({ is_selected: isChosen }) => isChosen && values.length > FEW;
    this.#values = [...values.filter(isFirst), ...values.filter((value) => !isFirst(value))];
    this.#draw();
  }

  get isEmpty() {
    return this.#values.length === 0;
  }

  #draw() {
    const sought = this.#search.value.trim().toLocaleLowerCase();
    const found = this.#values.filter((value) =>
      this.label(value).toLocaleLowerCase().includes(sought),
    );
    const shown = found.slice(0, this.#showsAll || sought ? MANY : FEW);
    const focused = this.#list.contains(document.activeElement)
      ? document.activeElement.dataset.value
      : null;
    this.#list.replaceChildren(...shown.map((value) => this.#item(value)));
    this.#search.hidden = this.#values.length <= FEW;
    this.#none.hidden = found.length > 0;
    this.#more.hidden = sought !== "" || this.#values.length <= FEW;
    this.#more.textContent = this.#showsAll
      ? t("filters.fewer")
      : t("filters.more", { count: this.#values.length - FEW });
    if (focused !== null) {
      this.#boxOf(focused)?.focus(); // what is chosen moves up, and takes the focus along
    }
  }

  #boxOf(value) {
    return [...this.#list.querySelectorAll("input")].find((box) => box.dataset.value === value);
  }

  #item(value) {
    const box = element("input", {
      type: "checkbox",
      "data-value": value.value,
      onchange: () => this.onChoose(value),
    });
    box.checked = value.is_selected;
    const name = element("span", { class: "facet__name", title: value.value }, this.label(value));
    const count = element("span", { class: "facet__count" }, number(value.count));
    return element("li", {}, element("label", {}, box, name, count));
  }
}
