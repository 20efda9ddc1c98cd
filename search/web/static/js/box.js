/**
 * The search box: searches while one types, completes the language's keys and values.
 *
 * A combobox of the ARIA practices: the focus stays in the input, arrow keys choose.
 */

import * as api from "./api.js";
import { element } from "./dom.js";

const TYPING = 160; // ms without a key until it searches
const COMPLETING = 70;
const COMPLAINING = 900; // a query that is not whole yet is no mistake yet

export class Box {
  #form;
  #input;
  #list;
  #clear;
  #problem;
  #state;
  #results;
  #isTyping = false; // what is typed in one go is one step of the history
  #search = 0;
  #complete = 0;
  #complain = 0;
  #stop = new AbortController();
  #completions = [];
  #chosen = -1;

  constructor({ form, input, list, clear, problem, state }) {
    this.#form = form;
    this.#input = input;
    this.#list = list;
    this.#clear = clear;
    this.#problem = problem;
    this.#state = state;
  }

  mount(results) {
    this.#results = results;
    this.#input.addEventListener("input", (event) => this.#onInput(event));
    this.#input.addEventListener("compositionend", () => this.#onText());
    this.#input.addEventListener("keydown", (event) => this.#onKey(event));
    this.#input.addEventListener("click", () => this.#input.value || this.#askCompletions());
    this.#input.addEventListener("blur", () => this.#onBlur());
    this.#list.addEventListener("pointerdown", (event) => this.#onPick(event));
    this.#clear.addEventListener("click", () => this.#onClear());
    this.#form.addEventListener("submit", (event) => this.#onSubmit(event));
    this.#problem.addEventListener("click", () => this.#hideProblem());
    this.#state.subscribe((state) => this.#show(state.q));
    results.subscribe((event) => event !== "more" && this.#showProblem());
    if (document.activeElement === this.#input && this.#input.value) {
      this.#onText(); // somebody was faster than this script
    } else {
      this.#show(this.#state.get().q);
    }
  }

  focus() {
    this.#input.focus();
  }

  /** Begin another term behind the text: `sign` is "+" or "-". */
  begin(sign) {
    const text = this.#input.value.trim();
    this.#setText(text ? `${text} ${sign} ` : sign === "-" ? "-" : "");
    this.#input.focus();
    this.#input.setSelectionRange(this.#input.value.length, this.#input.value.length);
  }

  #onInput(event) {
    if (!event.isComposing) {
      this.#onText(); // what is still composed, as Chinese is, is no text yet
    }
  }

  #onText() {
    this.#clear.hidden = !this.#input.value;
    this.#problem.hidden = true;
    clearTimeout(this.#search);
    clearTimeout(this.#complete);
    this.#search = setTimeout(() => this.#ask(), TYPING);
    this.#complete = setTimeout(() => this.#askCompletions(), COMPLETING);
  }

  #ask() {
    clearTimeout(this.#search);
    const q = this.#input.value.trim();
    if (q === this.#state.get().q || /(^|\s)[+-]$/.test(q)) {
      return; // a sign waits for its term
    }
    this.#state.set({ q, view: null }, { replace: this.#isTyping });
    this.#isTyping = true;
  }

  #onSubmit(event) {
    event.preventDefault();
    const { phase, problem } = this.#results;
    if (phase === "failed" && !problem.isUsage && this.#input.value.trim() === this.#state.get().q) {
      this.#results.retry();
    }
    this.#settle();
  }

  #settle() {
    this.#close();
    this.#ask();
    this.#isTyping = false;
    clearTimeout(this.#complain);
    this.#complain = 0;
    this.#sayProblem();
  }

  #onBlur() {
    this.#close();
    this.#ask();
    this.#isTyping = false;
  }

  #onClear() {
    this.#setText("");
    this.#settle();
    this.#input.focus();
  }

  #setText(text) {
    this.#input.value = text;
    this.#clear.hidden = !text;
  }

  #show(q) {
    if (this.#input.value.trim() !== q) {
      clearTimeout(this.#search); // another text than is typed: a chip, or a step in the history
      this.#isTyping = false;
      this.#setText(q);
      this.#close();
    }
  }

  #hideProblem() {
    clearTimeout(this.#complain);
    this.#problem.textContent = "";
    this.#problem.hidden = true;
  }

  #showProblem() {
    const { problem } = this.#results;
    this.#hideProblem();
    if (problem?.isUsage) {
      this.#problem.textContent = problem.message;
      this.#complain = setTimeout(() => this.#sayProblem(), this.#isTyping ? COMPLAINING : 0);
    }
  }

  #sayProblem() {
    this.#problem.hidden = !this.#problem.textContent || !this.#list.hidden;
  }

  async #askCompletions() {
    clearTimeout(this.#complete);
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const { value, selectionStart } = this.#input;
    try {
      const completions = await api.completions(value, selectionStart, { signal });
      if (!signal.aborted && document.activeElement === this.#input) {
        this.#offer(completions);
      }
    } catch (error) {
      if (signal.aborted) {
        return; // another text is asked about by now
      }
      if (!(error instanceof api.Problem)) {
        throw error;
      }
      this.#close(); // a text goes without
    }
  }

  #offer(completions) {
    this.#completions = completions;
    this.#list.replaceChildren(...completions.map(option));
    this.#list.hidden = completions.length === 0;
    this.#input.setAttribute("aria-expanded", String(completions.length > 0));
    this.#choose(-1);
    this.#sayProblem();
  }

  #close() {
    clearTimeout(this.#complete);
    this.#stop.abort();
    this.#list.hidden = true;
    this.#completions = [];
    this.#input.setAttribute("aria-expanded", "false");
    this.#choose(-1);
  }

  #choose(index) {
    this.#chosen = index;
    [...this.#list.children].forEach((each, at) => {
      each.setAttribute("aria-selected", String(at === index));
    });
    const chosen = index < 0 ? null : this.#list.children[index];
    if (chosen) {
      this.#input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else {
      this.#input.removeAttribute("aria-activedescendant");
    }
  }

  #take({ text, caret }) {
    this.#setText(text);
    this.#input.setSelectionRange(caret, caret);
    this.#close();
    this.#onText(); // a key is gone on with by its values
  }

  #onPick(event) {
    const picked = event.target.closest("[role=option]");
    if (picked && event.button === 0) {
      event.preventDefault(); // the focus stays in the input
      this.#take(this.#completions[[...this.#list.children].indexOf(picked)]);
    }
  }

  #onKey(event) {
    if (event.isComposing) {
      return;
    }
    const count = this.#completions.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (count === 0) {
        this.#askCompletions();
        return;
      }
      const step = event.key === "ArrowDown" ? 1 : -1;
      // past either end stands the text itself
      this.#choose(((this.#chosen + 1 + step + count + 1) % (count + 1)) - 1);
    } else if (event.key === "Enter" && this.#chosen >= 0) {
      event.preventDefault();
      this.#take(this.#completions[this.#chosen]);
    } else if (event.key === "Escape" && (count > 0 || !this.#problem.hidden)) {
      event.preventDefault();
      this.#close();
      this.#hideProblem();
    }
  }
}

function option({ label, detail }, index) {
  return element(
    "li",
    { class: "completion", role: "option", id: `completion-${index}`, "aria-selected": "false" },
    element("span", { class: "completion__label" }, label),
    detail ? element("span", { class: "completion__detail" }, detail) : null,
  );
}
