/**
 * A picture that can be looked at closely: by wheel, pinch, drag, double click, or calls. Knows
 * where pictures of a photo are, and nothing of results or of the page around it.
 */

import { originalUrl, thumbnailUrl } from "./api.js";
import { element } from "./dom.js";
import { FIT, between, close, fitting, kept, largest, scaled, sharpEnough } from "./zoom.js";

const STEP = 1.5; // of each key or button
const PAN = 0.2; // of the stage, by each key
const SWIPE = 48; // CSS pixels, to be no tap
const STILL = 12; // CSS pixels that a tap may move
const DOUBLE = 350; // milliseconds from a tap to the next, to be one of two
const HURRIED = 200; // milliseconds between photos, of one who does not look at each
const PATIENCE = 3; // times that a picture is asked for: a busy server says no
const PAUSE = 800; // milliseconds until it is asked for again
const MIDDLE = { x: 0, y: 0 };

export class Picture {
  #photo = null;
  #view = FIT;
  #sharp = null; // the size that is shown, or on its way
  #asked = 0; // times that it was
  #shownAt = -Infinity;
  #later = 0; // the timer until which only what is blurred is shown, or nothing is asked for
  #pointers = new Map();
  #swiped = MIDDLE;
  #tapped = null; // when and where the tap before was
  #handlers;
  #blurred = element("img", { class: "viewer__blurred", alt: "", draggable: "false" });
  #image = element("img", { class: "viewer__image", alt: "", draggable: "false" });
  #box = element("div", { class: "viewer__box" }, this.#blurred, this.#image);
  element = element("div", { class: "viewer__picture" }, this.#box);

  /** `onSwipe(1 or -1)`, `onZoom(scale)`, `onFail()` for a picture that cannot be had. */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#image.addEventListener("load", () => this.#box.classList.add("is-sharp"));
    this.#image.addEventListener("error", () => this.#onFail());
    new ResizeObserver(() => this.#draw()).observe(this.element);
    this.#listen();
  }

  /** Show a photo as a whole; `alt` says what it shows. */
  show(photo, alt) {
    const isAnother = this.#photo?.id !== photo.id || this.#photo.version !== photo.version;
    this.#photo = photo;
    this.#image.alt = alt;
    if (isAnother) {
      this.#forget();
      this.#blurred.src = thumbnailUrl(photo, 320); // the grid's own is there already
      this.#hurry();
    }
    this.#draw();
  }

  /** Forget the photo. */
  clear() {
    this.#photo = null;
    this.#forget();
    this.#blurred.removeAttribute("src");
  }

  #forget() {
    this.#view = FIT;
    this.#sharp = null;
    this.#asked = 0;
    this.#box.classList.remove("is-sharp");
    this.#image.removeAttribute("src");
  }

  // who holds a key down passes many photos, and waits for none of them
  #hurry() {
    const now = performance.now();
    this.#wait(now - this.#shownAt < HURRIED ? HURRIED : 0);
    this.#shownAt = now;
  }

  #wait(milliseconds) {
    clearTimeout(this.#later);
    const end = () => {
      this.#later = 0;
      this.#draw();
    };
    this.#later = milliseconds > 0 ? setTimeout(end, milliseconds) : 0;
  }

  get isZoomed() {
    return this.#view.scale > 1.001;
  }

  zoomIn() {
    this.#zoom(this.#view.scale * STEP, MIDDLE);
  }

  zoomOut() {
    this.#zoom(this.#view.scale / STEP, MIDDLE);
  }

  fit() {
    this.#zoom(1, MIDDLE);
  }

  /** Look closely, or at the whole again. */
  toggle(point = MIDDLE) {
    this.#zoom(this.isZoomed ? 1 : close(this.#photo, this.#size), point);
  }

  /** Move what is seen by shares of the stage: 1 to the right, -1 to the left. */
  pan(across, down) {
    const { width, height } = this.#stage;
    this.#move(-across * PAN * width, -down * PAN * height);
  }

  get #stage() {
    return { width: this.element.clientWidth || 1, height: this.element.clientHeight || 1 };
  }

  get #size() {
    return fitting(this.#photo, this.#stage);
  }

  #zoom(scale, point) {
    const next = between(1, scale, largest(this.#photo, this.#size));
    this.#view = scaled(this.#view, next, point, this.#size, this.#stage);
    this.#draw();
  }

  #move(across, down) {
    const { scale, x, y } = this.#view;
    this.#view = kept({ scale, x: x + across, y: y + down }, this.#size, this.#stage);
    this.#draw();
  }

  #draw() {
    if (this.#photo === null || !this.element.isConnected) {
      return;
    }
    this.#view = kept(this.#view, this.#size, this.#stage);
    const { scale, x, y } = this.#view;
    const { width, height } = this.#size;
    Object.assign(this.#box.style, {
      width: `${width}px`,
      height: `${height}px`,
      transform: `translate(${x - width / 2}px, ${y - height / 2}px) scale(${scale})`,
    });
    this.element.classList.toggle("is-zoomed", this.isZoomed);
    this.#sharpen();
    this.#handlers.onZoom(scale * (width / this.#photo.width));
  }

  #sharpen() {
    if (this.#later) {
      return;
    }
    let wanted = sharpEnough(this.#photo, this.#size, this.#view.scale, devicePixelRatio);
    if (wanted === "original" && !this.#photo.is_displayable) {
      wanted = 2048; // not known yet to be one that browsers show, or known to be none
    }
    const order = [null, 1280, 2048, "original"];
    if (order.indexOf(wanted) <= order.indexOf(this.#sharp)) {
      return; // what is there is sharp enough
    }
    this.#sharp = wanted;
    const source =
      wanted === "original" ? originalUrl(this.#photo) : thumbnailUrl(this.#photo, wanted);
    this.#image.src ? this.#replace(source) : (this.#image.src = source);
  }

  // what is there stays until the sharper one can be drawn at once
  async #replace(source) {
    const photo = this.#photo;
    const next = new Image();
    next.src = source;
    try {
      await next.decode();
    } catch {
      return; // what is there is not as sharp, and all there is
    }
    if (photo === this.#photo || photo.id === this.#photo.id) {
      this.#image.src = source;
    }
  }

  #onFail() {
    if (!this.#image.hasAttribute("src")) {
      return;
    }
    this.#asked += 1;
    this.#image.removeAttribute("src");
    if (this.#asked >= PATIENCE) {
      this.#handlers.onFail();
      return;
    }
    this.#sharp = null;
    this.#wait(PAUSE * this.#asked);
  }

  #listen() {
    const { element: stage } = this;
    stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.#onDown(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    stage.addEventListener("pointerup", (event) => this.#onUp(event));
    stage.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
  }

  #at({ clientX, clientY }) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    return { x: clientX - left - width / 2, y: clientY - top - height / 2 };
  }

  #onWheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
    const speed = event.ctrlKey ? 0.01 : 0.002; // browsers say that a pinch is a wheel with Ctrl
    this.element.classList.add("is-held");
    this.#zoom(this.#view.scale * Math.exp(-pixels * speed), this.#at(event));
  }

  #onDown(event) {
    if (event.button !== 0) {
      return;
    }
    this.element.setPointerCapture(event.pointerId);
    this.element.classList.add("is-held");
    this.#pointers.set(event.pointerId, this.#at(event));
    this.#swiped = this.#pointers.size === 1 ? MIDDLE : this.#swiped;
  }

  #onMove(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) {
      this.element.classList.remove("is-held");
      return;
    }
    const now = this.#at(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    if (other) {
      this.#pinch(before, now, other);
      return;
    }
    this.#swiped = { x: this.#swiped.x + now.x - before.x, y: this.#swiped.y + now.y - before.y };
    if (this.isZoomed) {
      this.#move(now.x - before.x, now.y - before.y);
    }
  }

  #pinch(before, now, other) {
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.#zoom((this.#view.scale * apart(now)) / apart(before), middle);
    this.#move((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.#swiped = { x: Infinity, y: Infinity }; // no swipe, and no tap
  }

  #onUp(event) {
    const wasAlone = this.#pointers.size === 1 && this.#pointers.delete(event.pointerId);
    this.#pointers.delete(event.pointerId);
    this.element.classList.remove("is-held");
    const { x, y } = this.#swiped;
    if (!wasAlone) {
      this.#tapped = null;
    } else if (Math.hypot(x, y) < STILL) {
      this.#tap(this.#at(event));
    } else if (!this.isZoomed && Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) {
      this.#handlers.onSwipe(x < 0 ? 1 : -1);
    }
  }

  // of two taps at a place; browsers tell of double clicks, but not all of double taps
  #tap(point) {
    const before = this.#tapped;
    const now = performance.now();
    const isSecond =
      before !== null &&
      now - before.at < DOUBLE &&
      Math.hypot(point.x - before.point.x, point.y - before.point.y) < 3 * STILL;
    this.#tapped = isSecond ? null : { at: now, point };
    if (isSecond) {
      this.toggle(point);
    }
  }
}
