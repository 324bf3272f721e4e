/**
 * One tab as the browser holds it: its shape, and those blocks of cells that were looked at. Blocks are fetched when
 * they come into view and forgotten when many newer ones came, so the browser never holds a whole large tab.
 */
import { api } from "./api.js";
import { Axis } from "./axis.js";

export const BLOCK_ROWS = 100;
export const BLOCK_COLUMNS = 30;
const BLOCKS_KEPT = 80;
const FETCHES_AT_ONCE = 3;
/** After a failure nothing is asked for so long, lest a server in trouble is flooded. */
const PAUSE_AFTER_FAILURE_MS = 1500;

/** A cell nobody filled. */
export const EMPTY = Object.freeze({ text: "", type: "empty", raw: "", format: Object.freeze({}), note: "", link: "", error: "", asks: false, rule: null, invalid: false });

const ROW_PIXELS = 21;
const COLUMN_PIXELS = 100;

function cellsOf(answer) {
  const cells = new Map();
  for (const [row, column, text, type, format, extra = {}] of answer.cells) {
    cells.set(row * BLOCK_COLUMNS + column, {
      text, type, raw: extra.raw ?? text, value: type === "number" ? extra.value ?? Number(text) : undefined, format: answer.formats[format], note: extra.note ?? "", link: extra.link ?? "", error: extra.error ?? "", asks: extra.asks ?? false,
      rule: answer.rules[extra.rule] ?? null, invalid: extra.invalid ?? false,
    });
  }
  return cells;
}

/** The wish for the most highlighting wins. */
function strongest(one, other) {
  return one === true || other === true ? true : one || other;
}

function differ(one, other) {
  return one.text !== other.text || one.type !== other.type || one.note !== other.note || one.error !== other.error || one.invalid !== other.invalid || JSON.stringify([one.format, one.rule]) !== JSON.stringify([other.format, other.rule]);
}

export class Tab {
  /**
   * @param {object} properties sheetId, title, rowCount, columnCount, frozenRows, frozenColumns, merges
   * @param {() => void} onChange called when cells arrived and the view must be drawn again
   */
  constructor(spreadsheetId, properties, onChange, asOf = null) {
    this.spreadsheetId = spreadsheetId;
    this.onChange = onChange;
    this.blocks = new Map();
    this.queue = [];
    this.fetching = 0;
    this.version = 0;
    this.changed = new Map();
    /** The number of an earlier version, null for the present; the filter view that is looked through. */
    this.asOf = asOf;
    this.filterView = null;
    this.setProperties(properties);
    this.rows = new Axis(properties.rowCount, ROW_PIXELS);
    /** Rows that a filter hides; what is done to a selection spares them. */
    this.filtered = new Set();
    this.columns = new Axis(properties.columnCount, COLUMN_PIXELS);
  }

  setProperties(properties) {
    this.properties = properties;
    this.version += 1;
  }

  get sheetId() { return this.properties.sheetId; }
  get title() { return this.properties.title; }
  get rowCount() { return this.properties.rowCount; }
  get columnCount() { return this.properties.columnCount; }

  /** Reads sizes and hidden rows and columns. */
  async loadLayout() {
    const layout = await api.layout(this.spreadsheetId, this.sheetId, this.asOf, this.filterView);
    this.properties = { ...this.properties, rowCount: layout.rowCount, columnCount: layout.columnCount };
    this.filtered = new Set(layout.rows.filter(([, size]) => size < 0).map(([index]) => index));
    this.rows = new Axis(layout.rowCount, ROW_PIXELS, layout.rows.map(([index, size]) => [index, Math.max(size, 0)]));
    this.columns = new Axis(layout.columnCount, COLUMN_PIXELS, layout.columns);
    this.version += 1;
    this.onChange();
  }

  /** The cell; undefined while its block has not arrived. */
  cell(row, column) {
    const block = this.blocks.get(this.blockKey(row, column));
    if (!block?.cells) return undefined;
    return block.cells.get((row % BLOCK_ROWS) * BLOCK_COLUMNS + (column % BLOCK_COLUMNS)) ?? EMPTY;
  }

  /** The parts of a rectangle that no filter hides, from top to bottom. */
  shownParts(rect) {
    if (!this.filtered.size) return [rect];
    const parts = [];
    for (let row = rect.top; row <= rect.bottom; row++) {
      if (this.filtered.has(row)) continue;
      const last = parts[parts.length - 1];
      if (last?.bottom === row - 1) last.bottom = row;
      else parts.push({ ...rect, top: row, bottom: row });
    }
    return parts;
  }

  /** The cells under a rectangle that are filled and that no filter hides; null while some of them are not in the browser. */
  filledIn({ top, left, bottom, right }) {
    const found = [];
    for (let row = Math.floor(top / BLOCK_ROWS); row <= Math.floor(bottom / BLOCK_ROWS); row++) {
      for (let column = Math.floor(left / BLOCK_COLUMNS); column <= Math.floor(right / BLOCK_COLUMNS); column++) {
        const cells = this.blocks.get(`${row}:${column}`)?.cells;
        if (!cells) return null;
        for (const [key, cell] of cells) {
          const [r, c] = [row * BLOCK_ROWS + Math.floor(key / BLOCK_COLUMNS), column * BLOCK_COLUMNS + (key % BLOCK_COLUMNS)];
          if (r >= top && r <= bottom && c >= left && c <= right && cell.text !== "" && !this.filtered.has(r)) found.push(cell);
        }
      }
    }
    return found;
  }

  blockKey(row, column) {
    return `${Math.floor(row / BLOCK_ROWS)}:${Math.floor(column / BLOCK_COLUMNS)}`;
  }

  /** Asks for the blocks under this rectangle, newest wish first. */
  want({ top, left, bottom, right }) {
    const wished = [];
    for (let row = Math.floor(top / BLOCK_ROWS); row <= Math.floor(bottom / BLOCK_ROWS); row++) {
      for (let column = Math.floor(left / BLOCK_COLUMNS); column <= Math.floor(right / BLOCK_COLUMNS); column++) {
        const key = `${row}:${column}`;
        const block = this.blocks.get(key);
        if (block) block.used = performance.now();
        if (!block || (block.stale && !block.loading)) wished.push(key);
      }
    }
    if (!wished.length || this.pausing) return;
    this.queue = [...wished, ...this.queue.filter((key) => !wished.includes(key))].slice(0, 12);
    this.fetchNext();
  }

  fetchNext() {
    while (this.fetching < FETCHES_AT_ONCE && this.queue.length) {
      const key = this.queue.shift();
      const block = this.blocks.get(key);
      if (!block?.loading) this.fetchBlock(key);
    }
  }

  async fetchBlock(key) {
    const [row, column] = key.split(":").map(Number);
    const block = this.blocks.get(key) ?? { cells: null, used: performance.now(), flash: false };
    Object.assign(block, { loading: true, stale: false, typedMeanwhile: new Set() });
    this.blocks.set(key, block);
    this.fetching += 1;
    try {
      const [top, left] = [row * BLOCK_ROWS, column * BLOCK_COLUMNS];
      const answer = await api.cells(this.spreadsheetId, this.sheetId, [top, top + BLOCK_ROWS], [left, left + BLOCK_COLUMNS], this.asOf);
      this.take(block, cellsOf(answer), top, left);
    } catch (error) {
      if (!block.cells) this.blocks.delete(key);
      else block.stale = true;
      this.pause();
      this.onFailure?.(error);
    } finally {
      block.loading = false;
      this.fetching -= 1;
      this.forgetOldBlocks();
      this.fetchNext();
      this.onChange();
    }
  }

  pause() {
    if (this.pausing) return;
    this.queue = [];
    this.pausing = setTimeout(() => {
      this.pausing = 0;
      this.onChange();
    }, PAUSE_AFTER_FAILURE_MS);
  }

  /** Puts fresh cells in place; those that differ from what was shown are noted, to be highlighted. */
  take(block, cells, top, left) {
    const before = block.cells;
    if (before) {
      const different = [];
      for (const key of new Set([...before.keys(), ...cells.keys()])) {
        const [old, fresh] = [before.get(key) ?? EMPTY, cells.get(key) ?? EMPTY];
        if (differ(old, fresh)) different.push(key);
        else if (cells.has(key) && old.raw === fresh.raw && !old.pending) cells.set(key, old);
      }
      // The answer may be of before they were typed; the server tells when they have arrived.
      for (const key of block.typedMeanwhile) cells.set(key, before.get(key));
      const flash = block.flash === "few" ? different.length <= Math.max(20, cells.size * 0.3) : block.flash;
      for (const key of flash ? different : []) {
        this.changed.set(`${top + Math.floor(key / BLOCK_COLUMNS)}:${left + (key % BLOCK_COLUMNS)}`, performance.now());
      }
    }
    if (!block.stale) block.flash = false;
    block.cells = cells;
    this.version += 1;
  }

  forgetOldBlocks() {
    if (this.blocks.size <= BLOCKS_KEPT) return;
    const oldest = [...this.blocks].filter(([, block]) => !block.loading).sort(([, a], [, b]) => a.used - b.used);
    for (const [key] of oldest.slice(0, this.blocks.size - BLOCKS_KEPT)) this.blocks.delete(key);
  }

  /**
   * Marks what is held under this rectangle (null: everything) as outdated; it is shown until fresh cells arrive.
   * @param {boolean|"few"} flash whether cells that then differ are highlighted; "few": only where most stayed the same,
   *   as everything differs from what stood there when rows moved
   */
  invalidate(rect, flash) {
    for (const [key, block] of this.blocks) {
      const [row, column] = key.split(":").map(Number);
      const outside = rect && (row * BLOCK_ROWS > rect.bottom || (row + 1) * BLOCK_ROWS <= rect.top
        || column * BLOCK_COLUMNS > rect.right || (column + 1) * BLOCK_COLUMNS <= rect.left);
      if (outside) continue;
      block.flash = block.stale || block.loading ? strongest(block.flash, flash) : flash;
      block.stale = true;
    }
    this.onChange();
  }

  /** Shows a typed text at once, until the server's own view of it arrives. */
  showPending(row, column, text) {
    const block = this.blocks.get(this.blockKey(row, column));
    if (!block?.cells) return;
    const key = (row % BLOCK_ROWS) * BLOCK_COLUMNS + (column % BLOCK_COLUMNS);
    const before = block.cells.get(key) ?? EMPTY;
    block.cells.set(key, { ...before, text, raw: text, type: text === "" ? "empty" : before.type === "empty" ? "text" : before.type, pending: true });
    if (block.loading) block.typedMeanwhile.add(key);
    this.version += 1;
    this.onChange();
  }
}
