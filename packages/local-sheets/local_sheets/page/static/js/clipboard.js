/**
 * Copy, cut and paste. Within one spreadsheet cells keep formulas and formats; to and from other programs they travel
 * as tab-separated text.
 */
import { api } from "./api.js";
import { placeAfter } from "./axis.js";
import { BLOCK_COLUMNS } from "./tab.js";

const MOST_CELLS = 200_000;

/** A cell of tab-separated text: within quotes as spreadsheets write them, where they end with the cell; else as it stands. */
const CELL = /(?:"((?:[^"]|"")*)"(?=[\t\n]|$)|([^\t\n]*))([\t\n]|$)/y;

/** Rows and cells of tab-separated text. */
export function parseBlock(text) {
  const rows = [[]];
  const body = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  CELL.lastIndex = 0;
  for (let end = null; end !== "";) {
    const [, quoted, plain, after] = CELL.exec(body);
    rows[rows.length - 1].push(quoted?.replaceAll('""', '"') ?? plain);
    if (after === "\n") rows.push([]);
    end = after;
  }
  return rows;
}

function rowsOf(parts) {
  return parts.flatMap(({ top, bottom }) => Array.from({ length: bottom - top + 1 }, (_, index) => top + index));
}

function quote(text) {
  return /["\t\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export class Clipboard {
  constructor(app) {
    this.app = app;
    this.source = null;
    /** Ctrl+Shift+V: the next paste brings values alone. */
    this.valuesOnly = false;
    const { field } = app.editor;
    field.addEventListener("copy", (event) => this.onCopy(event, false));
    field.addEventListener("cut", (event) => this.onCopy(event, true));
    field.addEventListener("paste", (event) => this.onPaste(event));
  }

  /** The dashed frame goes away; what was copied stays available to other programs. */
  forget() {
    this.source = null;
    this.app.selection.copied = null;
    this.app.selection.draw();
  }

  /** What was copied is found where it is after rows or columns came, went or moved; only its text is left where it is torn. */
  follow(change) {
    const { source } = this;
    if (source?.sheetId !== change.sheetId) return;
    const [first, last] = change.isRows ? ["top", "bottom"] : ["left", "right"];
    const follow = (rect) => ({ ...rect, [first]: placeAfter(rect[first], change), [last]: placeAfter(rect[last], change) });
    const isWhole = (now, before) => now[first] !== null && now[last] !== null && now[last] - now[first] === before[last] - before[first];
    const [rect, parts] = [follow(source.rect), source.parts.map(follow)];
    if (!isWhole(rect, source.rect) || !parts.every((part, index) => isWhole(part, source.parts[index]))) this.forget();
    else {
      Object.assign(source, { rect, parts });
      this.app.selection.draw();
    }
  }

  onCopy(event, isCut) {
    if (this.app.editor.isOpen) return;
    event.preventDefault();
    const { rect } = this.app.selection;
    const used = this.trimmed(rect);
    if ((used.bottom - used.top + 1) * (used.right - used.left + 1) > MOST_CELLS) {
      this.app.toast(`Copying is limited to ${MOST_CELLS.toLocaleString()} cells; select fewer.`, "error");
      return;
    }
    const parts = isCut ? [used] : this.app.tab.shownParts(used);
    const text = this.heldText(parts);
    if (text === null) this.copyLater(used, parts);
    else event.clipboardData.setData("text/plain", text);
    this.source = { sheetId: this.app.tab.sheetId, rect: used, parts, text, isCut };
    this.app.selection.copied = this.source;
    this.app.selection.draw();
  }

  /** Whole columns are copied as far as the grid reaches, not further. */
  trimmed(rect) {
    const { rowCount, columnCount } = this.app.tab;
    return { ...rect, bottom: Math.min(rect.bottom, rowCount - 1), right: Math.min(rect.right, columnCount - 1) };
  }

  /** The texts if all of them are in the browser, else null. */
  heldText(parts) {
    const lines = [];
    const { left, right } = parts[0];
    for (const row of rowsOf(parts)) {
      const cells = [];
      for (let column = left; column <= right; column++) {
        const cell = this.app.tab.cell(row, column);
        if (!cell) return null;
        cells.push(quote(cell.text));
      }
      lines.push(cells.join("\t"));
    }
    return lines.join("\n");
  }

  async copyLater({ top, left, bottom, right }, parts) {
    const { app } = this;
    try {
      const lines = Array.from({ length: bottom - top + 1 }, () => Array(right - left + 1).fill(""));
      for (let row = top; row <= bottom; row += 1000) {
        for (let column = left; column <= right; column += BLOCK_COLUMNS) {
          const answer = await api.cells(app.spreadsheetId, app.tab.sheetId, [row, Math.min(row + 1000, bottom + 1)], [column, Math.min(column + BLOCK_COLUMNS, right + 1)]);
          for (const [r, c, text] of answer.cells) lines[row + r - top][column + c - left] = quote(text);
        }
      }
      await navigator.clipboard.writeText(rowsOf(parts).map((row) => lines[row - top].join("\t")).join("\n"));
      if (this.source) this.source.text = null;
    } catch (error) {
      app.toast(`Not copied: ${error.message}`, "error");
    }
  }

  onPaste(event) {
    const { app } = this;
    const { valuesOnly } = this;
    this.valuesOnly = false;
    if (app.editor.isOpen) return;
    event.preventDefault();
    const text = event.clipboardData.getData("text/plain");
    const { rect } = app.selection;
    const { top, left } = rect;
    const ours = this.source && app.tabs.has(this.source.sheetId) && (this.source.text === null || this.source.text === text.replace(/\r\n?/g, "\n"));
    let pasted;
    if (ours) {
      pasted = app.actions.pasteCells(this.source, this.trimmed(rect), this.source.isCut, valuesOnly ? "PASTE_VALUES" : "PASTE_NORMAL");
      if (this.source.isCut) this.forget();
    } else if (text) pasted = app.actions.pasteTexts(top, left, this.filled(parseBlock(text)));
    if (pasted) app.selection.set({ row: top, column: left }, { row: pasted.bottom, column: pasted.right });
  }

  /** One copied cell fills the whole selection. */
  filled(rows) {
    const { rect } = this.app.selection;
    const cells = (rect.bottom - rect.top + 1) * (rect.right - rect.left + 1);
    if (rows.length > 1 || rows[0].length > 1 || cells > 10_000) return rows;
    // Null leaves a cell as it is: rows that a filter hides are spared.
    const value = (row) => (this.app.tab.filtered.has(row) ? null : rows[0][0]);
    return Array.from({ length: rect.bottom - rect.top + 1 }, (_, index) => Array(rect.right - rect.left + 1).fill(value(rect.top + index)));
  }
}
