/**
 * What a person can do to a spreadsheet, each as one request of the public API. Edits are sent one after another, in
 * the order they were made; the grid shows the server's answer, never a guess of ours that it refused.
 */
import { api } from "./api.js";
import { rectToA1, toApiColour, toGridRange, withTitle } from "./a1.js";
import { mayEdit } from "./rules.js";

/** Which part of what was copied goes where, in an order in which none is written over before it is read. */
function copies(parts, height, target, tab) {
  if (height === 1) return tab.shownParts(target).map((to) => [parts[0], to]);
  if (parts.length === 1) return [[parts[0], target]];
  let { top } = target;
  const placed = parts.map((part) => {
    const to = { ...target, top, bottom: top + part.bottom - part.top };
    top = to.bottom + 1;
    return [part, to];
  });
  const isUp = ([part, to]) => to.top <= part.top;
  return [...placed.filter(isUp), ...placed.filter((pair) => !isUp(pair)).reverse()];
}

/** Most ranges of one edit that are told one by one. */
const MOST_TOLD = 100;

export class Actions {
  constructor(app) {
    this.app = app;
    this.last = Promise.resolve();
    this.underWay = 0;
  }

  /**
   * Sends one edit after those before it. The grid learns of it from the server's stream, as of everybody's changes.
   * Gives the API's answer, or null when it was refused (people were told).
   */
  send(request, changeType, rect, tab = this.app.tab, alsoRanges = [], more = {}) {
    if (!this.app.mayEdit()) {
      tab?.invalidate(rect, false);
      return Promise.resolve(null);
    }
    const ranges = rect && tab ? [toGridRange(tab.sheetId, rect), ...alsoRanges] : [];
    const edited = { changeType, sheetId: tab?.sheetId ?? null, ranges, ...more };
    return this.enqueue(async () => {
      try {
        if (rect && tab && ["EDIT", "FORMAT"].includes(changeType) && !(await mayEdit(tab, rect))) {
          tab.invalidate(rect, false);
          return null;
        }
        return await api.edit(this.app.spreadsheetId, request, edited);
      } catch (error) {
        tab?.invalidate(rect, false);
        throw error;
      }
    });
  }

  /** Does one thing after those before it; gives null where it was refused (people were told). */
  enqueue(work) {
    this.underWay += 1;
    const run = async () => {
      try {
        return await work();
      } catch (error) {
        this.app.toast(error.message, "error");
        return null;
      } finally {
        this.underWay -= 1;
      }
    };
    this.last = this.last.then(run);
    return this.last;
  }

  batch(requests, changeType, rect, tab, alsoRanges, more) {
    // What is being typed goes where it was begun, before rows or columns move away from there.
    this.app.editor.commit();
    return this.send({ batchUpdate: { requests } }, changeType, rect, tab, alsoRanges, more);
  }

  /** One request for each part of a rectangle that no filter hides: rows that people do not see are spared. */
  eachPart(rect, changeType, request) {
    const { tab } = this.app;
    const parts = tab.shownParts(rect);
    if (!parts.length) return Promise.resolve(null);
    const ranges = parts.map((part) => toGridRange(tab.sheetId, part));
    const told = parts.length > MOST_TOLD ? [toGridRange(tab.sheetId, rect)] : ranges;
    return this.batch(ranges.map(request), changeType, rect, tab, [], { ranges: told });
  }

  /** Text as typed: numbers, dates and formulas are understood. */
  typeText(row, column, text) {
    const { tab } = this.app;
    const rect = { top: row, bottom: row, left: column, right: column };
    tab.showPending(row, column, text);
    return this.send({ valuesUpdate: { range: withTitle(tab.title, rectToA1(rect)), values: [[text]] } }, "EDIT", rect);
  }

  clear(rect) {
    const { tab } = this.app;
    if (tab.filtered.size) return this.eachPart(rect, "EDIT", (range) => ({ updateCells: { range, fields: "userEnteredValue" } }));
    return this.send({ valuesClear: { range: withTitle(tab.title, rectToA1(rect)) } }, "EDIT", rect);
  }

  /** Writes a block of texts; the grid grows where the block reaches beyond it. */
  pasteTexts(row, column, rows) {
    const { tab } = this.app;
    const width = Math.max(...rows.map((cells) => cells.length));
    const rect = { top: row, bottom: row + rows.length - 1, left: column, right: column + width - 1 };
    this.growFor(rect);
    const values = rows.map((cells) => Array.from({ length: width }, (_, index) => (index < cells.length ? cells[index] : "")));
    this.send({ valuesUpdate: { range: withTitle(tab.title, rectToA1(rect)), values } }, "EDIT", rect, tab, [], { isTyped: false });
    return rect;
  }

  growFor(rect) {
    const { tab } = this.app;
    const requests = [];
    const [rows, columns] = [rect.bottom + 1 - tab.rowCount, rect.right + 1 - tab.columnCount];
    if (rows > 0) requests.push({ appendDimension: { sheetId: tab.sheetId, dimension: "ROWS", length: rows } });
    if (columns > 0) requests.push({ appendDimension: { sheetId: tab.sheetId, dimension: "COLUMNS", length: columns } });
    if (rows > 0) this.batch(requests, "INSERT_ROW", { ...this.whole("rows", tab.rowCount, rect.bottom), right: Math.max(rect.right, tab.columnCount - 1) });
    else if (columns > 0) this.batch(requests, "INSERT_COLUMN", this.whole("columns", tab.columnCount, rect.right));
  }

  /**
   * Copies (or moves) cells with their formulas and formats; copies fill all of `over` where they fit into it several times.
   * `source` holds sheetId, rect and, where a filter hid some of its rows, the parts that were seen.
   */
  pasteCells({ sheetId, rect, parts = [rect] }, over, isCut, pasteType = "PASTE_NORMAL") {
    const { tab } = this.app;
    const { top: row, left: column } = over;
    const height = (isCut ? [rect] : parts).reduce((rows, part) => rows + part.bottom - part.top + 1, 0);
    const fill = (first, last, size) => first + (isCut || (last - first + 1) % size ? size : last - first + 1) - 1;
    const target = {
      top: row, left: column,
      bottom: parts.length > 1 ? row + height - 1 : fill(row, over.bottom, height), right: fill(column, over.right, rect.right - rect.left + 1),
    };
    this.growFor(target);
    const from = toGridRange(sheetId, rect);
    const requests = isCut
      ? [{ cutPaste: { source: from, destination: { sheetId: tab.sheetId, rowIndex: row, columnIndex: column }, pasteType } }]
      : copies(parts, height, target, tab).map(([part, to]) => ({
        copyPaste: { source: toGridRange(sheetId, part), destination: toGridRange(tab.sheetId, to), pasteType },
      }));
    this.batch(requests, "EDIT", target, tab, isCut ? [from] : []);
    return target;
  }

  /** Fills a rectangle from its first row (or column); one row alone from the row above it. */
  fill(rect, kind) {
    const [first, last] = kind === "rows" ? ["top", "bottom"] : ["left", "right"];
    const from = rect[first] === rect[last] ? this.app.tab[kind].step(rect[first], -1) : rect[first];
    if (rect[last] === from) return;
    const source = { sheetId: this.app.tab.sheetId, rect: { ...rect, [first]: from, [last]: from } };
    this.pasteCells(source, { ...rect, [first]: rect[first] === rect[last] ? rect[first] : from + 1 }, false);
  }

  /** Goes on with what stands in a rectangle: series, dates, formulas; between rows that a filter hides its last row is copied. */
  autoFill(rect, { isRows, length, area }) {
    const { tab } = this.app;
    if (isRows && length > 0 && tab.shownParts(area).length !== 1) return this.pasteCells({ sheetId: tab.sheetId, rect: { ...rect, top: rect.bottom } }, area, false);
    const sourceAndDestination = { source: toGridRange(tab.sheetId, rect), dimension: isRows ? "ROWS" : "COLUMNS", fillLength: length };
    return this.batch([{ autoFill: { sourceAndDestination } }], "EDIT", area);
  }

  dimension(kind, start, end) {
    return { sheetId: this.app.tab.sheetId, dimension: kind === "rows" ? "ROWS" : "COLUMNS", startIndex: start, endIndex: end + 1 };
  }

  whole(kind, start, end) {
    const { rowCount, columnCount } = this.app.tab;
    return kind === "rows" ? { top: start, bottom: end, left: 0, right: columnCount - 1 } : { top: 0, bottom: rowCount - 1, left: start, right: end };
  }

  insert(kind, at, count) {
    const range = this.dimension(kind, at, at + count - 1);
    return this.batch([{ insertDimension: { range, inheritFromBefore: at > 0 } }], kind === "rows" ? "INSERT_ROW" : "INSERT_COLUMN", this.whole(kind, at, at + count - 1));
  }

  remove(kind, start, end) {
    if (kind === "rows" && this.app.tab.filtered.size) return this.removeShown(start, end);
    return this.batch([{ deleteDimension: { range: this.dimension(kind, start, end) } }], kind === "rows" ? "REMOVE_ROW" : "REMOVE_COLUMN", this.whole(kind, start, end));
  }

  /** Deletes rows, but those that a filter hides: the last ones first, as places above them stay what they are. */
  removeShown(start, end) {
    const { tab } = this.app;
    const parts = tab.shownParts(this.whole("rows", start, end)).reverse();
    const requests = parts.map((part) => ({ deleteDimension: { range: this.dimension("rows", part.top, part.bottom) } }));
    return this.batch(requests, "REMOVE_ROW", this.whole("rows", start, end), tab, [], { ranges: parts.map((part) => toGridRange(tab.sheetId, part)) });
  }

  /** Moves rows or columns `start`..`end` before `destination` (counted before the move). */
  move(kind, start, end, destination) {
    if (destination >= start && destination <= end + 1) return Promise.resolve(null);
    const source = this.dimension(kind, start, end);
    const landed = destination > end ? destination - (end - start + 1) : destination;
    return this.batch([{ moveDimension: { source, destinationIndex: destination } }], "OTHER", this.whole(kind, landed, landed + end - start));
  }

  hide(kind, start, end, hidden) {
    const update = { range: this.dimension(kind, start, end), properties: { hiddenByUser: hidden }, fields: "hiddenByUser" };
    return this.batch([{ updateDimensionProperties: update }], "OTHER", this.whole(kind, start, end));
  }

  resize(kind, start, end, pixelSize) {
    const update = { range: this.dimension(kind, start, end), properties: { pixelSize }, fields: "pixelSize" };
    return this.batch([{ updateDimensionProperties: update }], "OTHER", this.whole(kind, start, end));
  }

  freeze(kind, count) {
    const name = kind === "rows" ? "frozenRowCount" : "frozenColumnCount";
    const properties = { sheetId: this.app.tab.sheetId, gridProperties: { [name]: count } };
    return this.batch([{ updateSheetProperties: { properties, fields: `gridProperties.${name}` } }], "OTHER", null);
  }

  /** Sorts rows by one column: those of a rectangle, else all below the frozen ones. */
  sort(column, order, rect = null) {
    const { tab } = this.app;
    rect ??= { top: tab.properties.frozenRows, bottom: tab.rowCount - 1, left: 0, right: tab.columnCount - 1 };
    return this.batch([{ sortRange: { range: toGridRange(tab.sheetId, rect), sortSpecs: [{ dimensionIndex: column, sortOrder: order }] } }], "OTHER", rect);
  }

  /** Adds a column after the last one that has a header, and names it. */
  addColumn(at, header) {
    const { tab } = this.app;
    const request = at >= tab.columnCount
      ? { appendDimension: { sheetId: tab.sheetId, dimension: "COLUMNS", length: at + 1 - tab.columnCount } }
      : { insertDimension: { range: this.dimension("columns", at, at), inheritFromBefore: at > 0 } };
    const cell = { userEnteredValue: { stringValue: header } };
    const rect = { top: 0, bottom: 0, left: at, right: at };
    const write = { updateCells: { range: toGridRange(tab.sheetId, rect), rows: [{ values: [cell] }], fields: "userEnteredValue" } };
    return this.batch([request, write], "INSERT_COLUMN", rect);
  }

  /** Sets parts of the format; `fields` names them as the API does, relative to userEnteredFormat. */
  format(rect, userEnteredFormat, fields) {
    const mask = fields.map((field) => `userEnteredFormat.${field}`).join(",");
    return this.eachPart(rect, "FORMAT", (range) => ({ repeatCell: { range, cell: { userEnteredFormat }, fields: mask } }));
  }

  /** Merges the cells of a rectangle, or parts those that are merged in it. */
  merge(rect, isMerged) {
    const range = toGridRange(this.app.tab.sheetId, rect);
    return this.batch([isMerged ? { unmergeCells: { range } } : { mergeCells: { range, mergeType: "MERGE_ALL" } }], "OTHER", rect);
  }

  setNote(row, column, note) {
    const rect = { top: row, bottom: row, left: column, right: column };
    return this.batch([{ repeatCell: { range: toGridRange(this.app.tab.sheetId, rect), cell: note ? { note } : {}, fields: "note" } }], "OTHER", rect).then((answer) => {
      this.app.tab.invalidate(rect, false);
      return answer;
    });
  }

  addTab(title) {
    return this.batch([{ addSheet: { properties: title ? { title } : {} } }], "INSERT_GRID", null);
  }

  /** Sets properties of a tab; `fields` names them as the API does. */
  changeTab(tab, properties, fields) {
    return this.batch([{ updateSheetProperties: { properties: { sheetId: tab.sheetId, ...properties }, fields } }], "OTHER", null, tab);
  }

  renameTab(tab, title) {
    return this.changeTab(tab, { title }, "title");
  }

  /** Moves a tab before the one that has this index now. */
  moveTab(tab, index) {
    return this.changeTab(tab, { index }, "index");
  }

  hideTab(tab, hidden) {
    return this.changeTab(tab, { hidden }, "hidden");
  }

  colourTab(tab, hex) {
    return this.changeTab(tab, hex ? { tabColorStyle: { rgbColor: toApiColour(hex) } } : {}, "tabColorStyle");
  }

  duplicateTab(tab) {
    return this.batch([{ duplicateSheet: { sourceSheetId: tab.sheetId, insertSheetIndex: tab.properties.index + 1 } }], "INSERT_GRID", null, tab);
  }

  deleteTab(tab) {
    return this.batch([{ deleteSheet: { sheetId: tab.sheetId } }], "REMOVE_GRID", null, tab);
  }

  renameSpreadsheet(title) {
    return this.batch([{ updateSpreadsheetProperties: { properties: { title }, fields: "title" } }], "OTHER", null, null);
  }
}
