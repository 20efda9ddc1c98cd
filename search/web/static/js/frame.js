/** What the viewer shows of a photo: its bar, the picture, the strip, the panels. Knows no results. */

import { originalUrl } from "./api.js";
import { factList } from "./facts.js";
import { partsOf } from "./frame_parts.js";
import { percent, t } from "./i18n.js";
import { sentence } from "./notices.js";
import { Picture } from "./picture.js";
import { Strip } from "./strip.js";
import { Told } from "./told.js";

const WIDE = "(min-width: 64rem)"; // with room for facts beside a photo
const REMEMBERED = "viewer-panels";

export class Frame {
  #parts;
  #open; // names of the panels that are
  #details = null;
  #signal = null;
  #toldOf = null; // the photo whose captions are shown

  /** `actions`: walk(step), see(photo), seeElsewhere(photo), like(), unlike(), leave(). */
  constructor(dialog, actions) {
    this.picture = new Picture({
      onSwipe: actions.walk,
      onZoom: (scale) => this.#zoomed(scale),
      onFail: () => this.#say(t("viewer.no_picture")),
    });
    this.strip = new Strip(actions.see);
    this.told = new Told(actions.seeElsewhere);
    const own = {
      zoomIn: () => this.picture.zoomIn(),
      zoomOut: () => this.picture.zoomOut(),
      toggle: (name) => this.toggle(name),
    };
    this.#parts = partsOf(
      { ...actions, ...own },
      { picture: this.picture.element, strip: this.strip.element, told: this.told.element },
    );
    dialog.replaceChildren(this.#parts.bar, this.#parts.stage, this.#parts.side);
    dialog.removeAttribute("aria-label");
    dialog.setAttribute("aria-labelledby", this.#parts.heading.id);
    this.#open = remembered();
    this.#drawPanels();
  }

  focus() {
    this.#parts.close.focus();
  }

  /** Show a photo: its picture, its name, its facts as far as they are known. */
  show(photo, hit) {
    const name = photo.title || photo.name;
    this.#parts.heading.textContent = name;
    this.#parts.problem.hidden = true;
    this.#parts.download.href = originalUrl(photo);
    this.#parts.download.download = photo.name;
    this.#parts.download.title = t("viewer.download");
    this.picture.show(photo, said(photo, hit));
    const { facts } = this.#parts.panels;
    facts.querySelector("dl")?.remove();
    facts.append(factList(photo, hit));
  }

  /** Show the captions of a photo (`PhotoDetails`), if they are asked for. */
  tell(details, signal) {
    this.#details = details;
    this.#signal = signal;
    this.#drawTold();
  }

  /** Tell where the photo stands among the results, and where one can go from there. */
  place({ place, text, hasPrevious, hasNext, canJudge }) {
    const { where, previous, next, unlike, spoken, heading } = this.#parts;
    where.textContent = text;
    disable(previous, !hasPrevious);
    disable(next, !hasNext);
    disable(unlike, !canJudge);
    const line = place ? t("viewer.spoken", { name: heading.textContent, place }) : heading.textContent;
    if (spoken.textContent !== line) {
      spoken.textContent = line;
    }
  }

  /** Tell whether more or less like this is asked for. */
  mark({ isLiked, isUnliked }) {
    this.#parts.like.setAttribute("aria-pressed", String(isLiked));
    this.#parts.unlike.setAttribute("aria-pressed", String(isUnliked));
  }

  /** Show or hide a panel, "facts" or "told". */
  toggle(name) {
    this.#open = this.#open.includes(name)
      ? this.#open.filter((each) => each !== name)
      : [...this.#open, name];
    remember(this.#open);
    this.#drawPanels();
    this.#drawTold();
    if (this.#open.includes(name)) {
      this.#parts.panels[name].scrollIntoView({ block: "nearest" });
    }
  }

  /** Show or hide which keys there are. */
  toggleKeys() {
    this.#parts.keys.shown.togglePopover();
  }

  fail(problem) {
    this.#say(problem.status === 404 ? t("viewer.gone") : sentence(problem));
  }

  clear() {
    this.#details = null;
    this.#toldOf = null;
    this.strip.clear();
    this.told.clear();
    this.picture.clear();
    this.#parts.panels.facts.querySelector("dl")?.remove();
    this.#parts.heading.textContent = t("viewer.label");
    this.#parts.spoken.textContent = "";
    this.#parts.problem.hidden = true;
  }

  #say(text) {
    this.#parts.problem.textContent = text;
    this.#parts.problem.hidden = false;
  }

  #zoomed(scale) {
    this.#parts.scale.textContent = percent(scale);
  }

  #drawPanels() {
    for (const [name, panel] of Object.entries(this.#parts.panels)) {
      const isOpen = this.#open.includes(name);
      panel.hidden = !isOpen;
      this.#parts.toggles[name].setAttribute("aria-expanded", String(isOpen));
    }
    this.#parts.side.hidden = this.#open.length === 0;
  }

  #drawTold() {
    if (this.#open.includes("told") && this.#details && this.#toldOf !== this.#details.id) {
      this.#toldOf = this.#details.id;
      this.told.show(this.#details, this.#signal);
    }
  }
}

// what a picture shows, as well as is known
function said(photo, hit) {
  const captions = photo.captions ?? [];
  return captions[0]?.text || hit?.told || photo.description || photo.title || photo.name;
}

// it keeps the focus: whoever walks to the end does not lose their place
function disable(button, isDisabled) {
  button.setAttribute("aria-disabled", String(isDisabled));
}

function remembered() {
  try {
    const names = localStorage.getItem(REMEMBERED);
    if (names !== null) {
      return names.split(" ").filter((name) => ["facts", "told"].includes(name));
    }
  } catch {
    // a browser that keeps nothing begins anew each time
  }
  return matchMedia(WIDE).matches ? ["facts"] : [];
}

function remember(names) {
  try {
    localStorage.setItem(REMEMBERED, names.join(" "));
  } catch {
    // as above
  }
}
