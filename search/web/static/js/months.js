/**
 * Months in a row and ranges of them, as values: a month is its place from the first one. Knows no
 * elements, and no server.
 */

const WIDTHS = [1, 3, 12, 60, 120]; // months of a bar
const BARS = 64; // at most, or they are too narrow to be hit

/** Months of facets (`2021-05`, without gaps) as one count each, from the first on. */
export class Months {
  constructor(values) {
    this.counts = values.map(({ count }) => count);
    this.first = values.length > 0 ? serial(values[0].value) : 0;
  }

  get length() {
    return this.counts.length;
  }

  /** The name of a month, `2021-05`. */
  name(place) {
    return named(this.first + place);
  }

  /** The month of a date `2021`, `2021-05` or `2021-05-17`, which may lie outside. */
  place(date) {
    return serial(date) - this.first;
  }

  /** Photos from a month to another one, both counted. */
  count(from, to) {
    return this.counts.slice(from, to + 1).reduce((sum, count) => sum + count, 0);
  }

  /** Bars that are wide enough to be seen: `{from, to, count}`, each of as many months. */
  get bars() {
    const width = WIDTHS.find((each) => this.length / each <= BARS) ?? WIDTHS.at(-1);
    return this.#split(width, this.first % width);
  }

  /** The years, as bars. */
  get years() {
    return this.#split(12, this.first % 12);
  }

  /** The months of a range, as bars. */
  within({ from, to }) {
    return this.#split(1, 0).slice(from, to + 1);
  }

  // bars begin where years do, so the first may be cut short
  #split(width, begun) {
    const bars = [];
    for (let start = -begun; start < this.length; start += width) {
      const from = Math.max(start, 0);
      const to = Math.min(start + width, this.length) - 1;
      bars.push({ from, to, count: this.count(from, to) });
    }
    return bars;
  }

  /** The dates that leave out what is not in a range: `{after, before}`, null where none has to. */
  dates({ from, to }) {
    const start = this.first + from;
    const end = this.first + to + 1;
    const areYears = start % 12 === 0 && end % 12 === 0;
    const written = (month) => (areYears ? named(month).slice(0, 4) : named(month));
    return {
      after: from > 0 ? written(start) : null,
      before: to < this.length - 1 ? written(end) : null,
    };
  }
}

function serial(date) {
  const [year, month] = date.split("-").map(Number);
  return year * 12 + (month || 1) - 1;
}

function named(month) {
  const year = String(Math.floor(month / 12)).padStart(4, "0");
  return `${year}-${String((month % 12) + 1).padStart(2, "0")}`;
}
