/**
 * Where rows (or columns) lie, in pixels. Most have the default size; only the others are kept, so an axis of a
 * million rows costs nothing.
 */
export class Axis {
  /**
   * @param {number} count how many rows there are
   * @param {number} defaultSize pixels of a row nobody touched
   * @param {Array<[number, number]>} exceptions [index, pixels] in rising order; 0 pixels is a hidden row
   */
  constructor(count, defaultSize, exceptions = []) {
    this.count = count;
    this.defaultSize = defaultSize;
    this.indexes = exceptions.map(([index]) => index);
    this.sizes = exceptions.map(([, size]) => size);
    this.shifts = [0];
    for (const size of this.sizes) this.shifts.push(this.shifts[this.shifts.length - 1] + size - defaultSize);
    this.total = this.offset(count);
  }

  /** How many exceptions lie before this index. */
  exceptionsBefore(index) {
    let low = 0;
    let high = this.indexes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.indexes[middle] < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Pixels from the start to this row's near edge. */
  offset(index) {
    return index * this.defaultSize + this.shifts[this.exceptionsBefore(index)];
  }

  /** Pixels of this row; 0 where it is hidden. */
  size(index) {
    const position = this.exceptionsBefore(index);
    return this.indexes[position] === index ? this.sizes[position] : this.defaultSize;
  }

  /** The row that covers this pixel; the last one beyond the end. */
  indexAt(pixel) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offset(middle) <= pixel) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The next row in this direction (1 or -1) that is not hidden; the same one where there is none. */
  step(index, direction) {
    for (let next = index + direction; next >= 0 && next < this.count; next += direction) if (this.size(next) > 0) return next;
    return index;
  }
}

/** Where a row or column is after some came, went or moved; null where it is gone. */
export function placeAfter(index, { how, start, end, to }) {
  const count = end - start;
  if (how === "inserted") return index >= start ? index + count : index;
  if (how === "deleted") return index >= end ? index - count : index >= start ? null : index;
  if (index >= start && index < end) return index - start + (to <= start ? to : to - count);
  if (index >= to && index < start) return index + count;
  return index >= end && index < to ? index - count : index;
}
