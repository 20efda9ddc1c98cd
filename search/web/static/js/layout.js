/**
 * Where photos stand: rows of one width, each of one height, in order. Knows no elements.
 *
 * Photos that were laid out stay where they are when more come, but for those of a last row that is
 * not full, and of the row before it where the line of good matches ends both.
 */

const NARROWEST = 0.5; // of width to height: what is narrower or wider is cropped
const WIDEST = 3.2;
const FEW = 2; // times the usual height, if photos filled a row: too few for one of their own
const LOW = 0.66; // of the usual height: as low as a row may be that takes them in
export const LINE = 56; // pixels for the line where good matches end

export class Layout {
  width;
  rows = []; // { first, end, top, height }: hits from `first` to before `end`
  line = null; // { index, top } of the first hit that is not good
  bottom = 0;
  #target;
  #gap;
  #isOpen = false; // whether the last row would take more photos

  constructor({ width, target, gap }) {
    this.width = width;
    this.#target = target;
    this.#gap = gap;
  }

  /** How many hits have their place. */
  get laid() {
    return this.rows.at(-1)?.end ?? 0;
  }

  /** Give places to hits that have none yet. */
  extend(hits) {
    if (this.#isOpen) {
      const { top } = this.rows.at(-1);
      this.rows.pop();
      this.bottom = top;
    }
    let first = this.laid;
    let sum = 0;
    for (let index = first; index < hits.length; index += 1) {
      if (this.line === null && !hits[index].is_good) {
        this.#add(hits, this.#joined(hits, first, index), index);
        this.line = { index, top: this.bottom };
        this.bottom += LINE;
        [first, sum] = [index, 0];
      }
      const aspect = aspectOf(hits[index].photo);
      const withIt = this.#height(sum + aspect, index + 1 - first);
      if (withIt > this.#target) {
        sum += aspect;
        continue;
      }
      const withoutIt = this.#height(sum, index - first);
      if (index > first && withoutIt - this.#target < this.#target - withIt) {
        this.#add(hits, first, index);
        [first, sum] = [index, aspect];
      } else {
        this.#add(hits, first, index + 1);
        [first, sum] = [index + 1, 0];
      }
    }
    this.#isOpen = first < hits.length;
    this.#add(hits, first, hits.length);
  }

  /** How high all will be once `count` hits have their places, as far as can be told. */
  heightOf(count) {
    if (this.laid === 0 || count <= this.laid) {
      return this.bottom;
    }
    const each = (this.bottom - (this.line ? LINE : 0)) / this.laid;
    return Math.round(this.bottom + (count - this.laid) * each);
  }

  /** The row that has a hit. */
  rowOf(index) {
    return this.#last((row) => row.first <= index);
  }

  /** The row at a height, or the nearest. */
  rowAt(y) {
    return this.#last((row) => row.top <= y);
  }

  /** The places of a row's photos: `left` and `width`, in whole pixels that fill the row. */
  places(hits, { first, end, height }) {
    const aspects = hits.slice(first, end).map((hit) => aspectOf(hit.photo));
    const sum = aspects.reduce((one, other) => one + other, 0);
    const free = this.width - this.#gap * (aspects.length - 1);
    const all = Math.abs(free / sum - height) <= 1 ? free : height * sum;
    let before = 0;
    return aspects.map((aspect, place) => {
      const left = Math.round((before / sum) * all);
      before += aspect;
      return {
        left: left + place * this.#gap,
        width: Math.round((before / sum) * all) - left,
      };
    });
  }

  /** Where the last row before the line begins: it takes few photos into the row before them. */
  #joined(hits, first, end) {
    const before = this.rows.at(-1);
    const sum = (from) => sumOf(hits, from, end);
    if (first === end || !before || this.#height(sum(first), end - first) < FEW * this.#target) {
      return first;
    }
    if (this.#height(sum(before.first), end - before.first) < LOW * this.#target) {
      return first;
    }
    this.rows.pop();
    this.bottom = before.top;
    return before.first;
  }

  #height(sum, count) {
    return (this.width - this.#gap * (count - 1)) / sum;
  }

  #add(hits, first, end) {
    if (first === end) {
      return;
    }
    // a row that is not full is no higher than the others
    const full = this.#height(sumOf(hits, first, end), end - first);
    const height = Math.round(full > this.#target * 1.6 ? this.#target : full);
    this.rows.push({ first, end, top: this.bottom, height });
    this.bottom += height + this.#gap;
  }

  #last(isBefore) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (isBefore(this.rows[middle])) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}

function sumOf(hits, first, end) {
  let sum = 0;
  for (let index = first; index < end; index += 1) {
    sum += aspectOf(hits[index].photo);
  }
  return sum;
}

function aspectOf({ width, height }) {
  return Math.min(WIDEST, Math.max(NARROWEST, width / Math.max(1, height)));
}
