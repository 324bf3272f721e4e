// SpreadsheetApp: spreadsheets, sheets and ranges. Writes are carried out at once, so there is nothing to flush.

/** Opened spreadsheets by id, with what the server told of them last. */
function spreadsheetInfo(id) {
  return host("spreadsheet.info", id);
}

const toCell = (value) => (value instanceof Date ? { date: value.getTime() } : value === undefined || value === null ? "" : typeof value === "object" ? String(value) : value);
const fromCell = (value) => (value !== null && typeof value === "object" ? new Date(value.date) : value);
const hexColour = (text) => {
  if (text === null) return null;
  const found = /^#([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(text);
  const hex = found && (found[1].length === 3 ? [...found[1]].map((sign) => sign + sign).join("") : found[1]);
  const named = { white: "ffffff", black: "000000", red: "ff0000", green: "008000", lime: "00ff00", blue: "0000ff", yellow: "ffff00", orange: "ffa500", gray: "808080", grey: "808080", pink: "ffc0cb", purple: "800080", cyan: "00ffff" };
  const digits = hex ?? named[String(text).toLowerCase()];
  if (!digits) throw new Exception(`Invalid argument: color ${text}`);
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16) / 255);
};

function columnLetters(column) {
  let letters = "";
  for (let left = column; left > 0; left = Math.floor((left - 1) / 26)) letters = String.fromCharCode(65 + ((left - 1) % 26)) + letters;
  return letters;
}

class Range {
  constructor(sheet, row, column, rows, columns) {
    holding(this, { sheet, row, column, rows, columns });
    Object.assign(this, { columnEnd: column + columns - 1, columnStart: column, rowEnd: row + rows - 1, rowStart: row });
  }

  getSheet() { return this[HELD].sheet; }
  getRow() { return this[HELD].row; }
  getRowIndex() { return this[HELD].row; }
  getColumn() { return this[HELD].column; }
  getNumRows() { return this[HELD].rows; }
  getNumColumns() { return this[HELD].columns; }
  getHeight() { return this[HELD].rows; }
  getWidth() { return this[HELD].columns; }
  getLastRow() { return this[HELD].row + this[HELD].rows - 1; }
  getLastColumn() { return this[HELD].column + this[HELD].columns - 1; }
  getGridId() { return this[HELD].sheet.getSheetId(); }
  toString() { return "Range"; }

  getA1Notation() {
    const first = columnLetters(this.columnStart) + this.rowStart;
    return this[HELD].rows * this[HELD].columns === 1 ? first : `${first}:${columnLetters(this.columnEnd)}${this.rowEnd}`;
  }

  getCell(row, column) { return this[HELD].sheet.getRange(this.rowStart + row - 1, this.columnStart + column - 1); }
  offset(rows, columns, height = this[HELD].rows, width = this[HELD].columns) {
    return this[HELD].sheet.getRange(this.rowStart + rows, this.columnStart + columns, height, width);
  }

  getValues() { return readRange(this, "values").map((row) => row.map(fromCell)); }
  getValue() { return fromCell(readRange(topLeft(this), "values")[0][0]); }
  getDisplayValues() { return readRange(this, "display"); }
  getDisplayValue() { return readRange(topLeft(this), "display")[0][0]; }
  getFormulas() { return readRange(this, "formulas"); }
  getFormula() { return readRange(topLeft(this), "formulas")[0][0]; }
  getNotes() { return readRange(this, "notes"); }
  getNote() { return readRange(topLeft(this), "notes")[0][0]; }
  getBackgrounds() { return readRange(this, "backgrounds"); }
  getBackground() { return readRange(topLeft(this), "backgrounds")[0][0]; }
  getNumberFormats() { return readRange(this, "number_formats"); }
  getNumberFormat() { return readRange(topLeft(this), "number_formats")[0][0]; }
  isBlank() { return readRange(this, "display").every((row) => row.every((text) => text === "")); }

  setValues(values) {
    const { sheet, row, column } = this[HELD];
    host("values.set", sheet[HELD].spreadsheetId, sheet.getSheetId(), row, column, checkedSize(this, values).map((cells) => cells.map(toCell)));
    return this;
  }
  setValue(value) { return this.setValues(filled(this, value)); }
  setFormulas(formulas) { return writeCells(this, formulas, "userEnteredValue", (text) => (text ? { userEnteredValue: { formulaValue: text.startsWith("=") ? text : `=${text}` } } : {})); }
  setFormula(formula) { return this.setFormulas(filled(this, formula)); }
  setNotes(notes) { return writeCells(this, notes, "note", (note) => (note ? { note: String(note) } : {})); }
  setNote(note) { return this.setNotes(filled(this, note)); }
  setBackgrounds(colours) {
    return writeCells(this, colours, "userEnteredFormat.backgroundColorStyle", (text) => {
      const rgb = hexColour(text);
      return rgb ? { userEnteredFormat: { backgroundColorStyle: { rgbColor: { red: rgb[0], green: rgb[1], blue: rgb[2] } } } } : {};
    });
  }
  setBackground(colour) { return this.setBackgrounds(filled(this, colour)); }
  setNumberFormat(pattern) {
    return writeCells(this, filled(this, pattern), "userEnteredFormat.numberFormat", (text) => ({ userEnteredFormat: { numberFormat: { type: text === "@" ? "TEXT" : "NUMBER", pattern: text } } }));
  }
  clearContent() { return writeCells(this, filled(this, ""), "userEnteredValue", () => ({})); }
  clearNote() { return this.setNote(""); }
  clear() { return writeCells(this, filled(this, ""), "userEnteredValue,userEnteredFormat", () => ({})); }
}

const topLeft = (range) => new Range(range[HELD].sheet, range.rowStart, range.columnStart, 1, 1);

function gridRange({ sheet, row, column, rows, columns }) {
  return { sheetId: sheet.getSheetId(), startRowIndex: row - 1, endRowIndex: row + rows - 1, startColumnIndex: column - 1, endColumnIndex: column + columns - 1 };
}

function readRange(range, what) {
  const { sheet, row, column, rows, columns } = range[HELD];
  return host("range.get", sheet[HELD].spreadsheetId, sheet.getSheetId(), row, column, rows, columns, what);
}

function writeCells(range, matrix, fields, toData) {
  const { sheet } = range[HELD];
  const rows = checkedSize(range, matrix).map((cells) => ({ values: cells.map(toData) }));
  batch(sheet[HELD].spreadsheetId, { updateCells: { range: gridRange(range[HELD]), rows, fields } });
  return range;
}

const filled = (range, value) => Array.from({ length: range[HELD].rows }, () => Array(range[HELD].columns).fill(value));

function checkedSize(range, matrix) {
  const { rows, columns } = range[HELD];
  if (!Array.isArray(matrix) || !matrix.every(Array.isArray)) throw new Exception(`The parameters (${typeof matrix}) don't match the method signature for SpreadsheetApp.Range.setValues.`);
  if (matrix.length !== rows) throw new Exception(`The number of rows in the data does not match the number of rows in the range. The data has ${matrix.length} but the range has ${rows}.`);
  for (const cells of matrix) {
    if (cells.length !== columns) throw new Exception(`The number of columns in the data does not match the number of columns in the range. The data has ${cells.length} but the range has ${columns}.`);
  }
  return matrix;
}

const batch = (id, ...requests) => host("batch", id, requests);

class Sheet {
  constructor(spreadsheet, { sheetId, title }) {
    holding(this, { spreadsheet, spreadsheetId: spreadsheet[HELD].id, sheetId, title });
  }

  getParent() { return this[HELD].spreadsheet; }
  getName() { return this[HELD].title; }
  getSheetName() { return this[HELD].title; }
  getSheetId() { return this[HELD].sheetId; }
  getIndex() { return gridOf(this).index + 1; }
  getLastRow() { return lastOf(this).row; }
  getLastColumn() { return lastOf(this).column; }
  getMaxRows() { return gridOf(this).maxRows; }
  getMaxColumns() { return gridOf(this).maxColumns; }
  getFrozenRows() { return gridOf(this).frozenRows; }
  isSheetHidden() { return gridOf(this).hidden; }
  toString() { return "Sheet"; }

  getRange(first, column, rows = 1, columns = 1) {
    if (typeof first === "string") return makeRange(this, host("range.parse", this[HELD].spreadsheetId, this[HELD].sheetId, first));
    const row = Number(first);
    if (!(rows >= 1)) throw new Exception("The number of rows in the range must be at least 1.");
    if (!(columns >= 1)) throw new Exception("The number of columns in the range must be at least 1.");
    if (!(row >= 1)) throw new Exception("The starting row of the range is too small.");
    if (!(column >= 1)) throw new Exception("The starting column of the range is too small.");
    const size = gridOf(this);
    if (row + rows - 1 > size.maxRows || column + columns - 1 > size.maxColumns) throw new Exception("The coordinates of the range are outside the dimensions of the sheet.");
    return makeRange(this, { row, column: Number(column), rows: Number(rows), columns: Number(columns) });
  }

  getDataRange() {
    const last = lastOf(this);
    return makeRange(this, { row: 1, column: 1, rows: Math.max(last.row, 1), columns: Math.max(last.column, 1) });
  }
  getSheetValues(row, column, rows, columns) { return this.getRange(row, column, rows, columns).getValues(); }
  getActiveRange() { return activeRange(this); }
  getActiveCell() { return activeRange(this).getCell(1, 1); }

  appendRow(values) {
    const { maxRows, maxColumns } = gridOf(this);
    const row = lastOf(this).row + 1;
    const grow = [["ROWS", row - maxRows], ["COLUMNS", values.length - maxColumns]].filter(([, length]) => length > 0);
    if (grow.length) batch(this[HELD].spreadsheetId, ...grow.map(([dimension, length]) => ({ appendDimension: { sheetId: this.getSheetId(), dimension, length } })));
    makeRange(this, { row, column: 1, rows: 1, columns: values.length }).setValues([values]);
    return this;
  }
  deleteRows(row, count) {
    const range = { sheetId: this.getSheetId(), dimension: "ROWS", startIndex: row - 1, endIndex: row - 1 + count };
    batch(this[HELD].spreadsheetId, { deleteDimension: { range } });
  }
  deleteRow(row) {
    this.deleteRows(row, 1);
    return this;
  }
  insertRowsAfter(row, count) {
    const range = { sheetId: this.getSheetId(), dimension: "ROWS", startIndex: row, endIndex: row + count };
    batch(this[HELD].spreadsheetId, { insertDimension: { range, inheritFromBefore: true } });
    return this;
  }
  insertRowAfter(row) { return this.insertRowsAfter(row, 1); }
  createDeveloperMetadataFinder() { return makeFinder(this[HELD].spreadsheet, this); }
  setName(title) {
    batch(this[HELD].spreadsheetId, { updateSheetProperties: { properties: { sheetId: this.getSheetId(), title }, fields: "title" } });
    this[HELD].title = title;
    return this;
  }
}

const gridOf = (sheet) => host("sheet.grid", sheet[HELD].spreadsheetId, sheet[HELD].sheetId);
const lastOf = (sheet) => host("sheet.last", sheet[HELD].spreadsheetId, sheet[HELD].sheetId);
const makeRange = (sheet, { row, column, rows, columns }) => guarded("Range", new Range(sheet, row, column, rows, columns));
const makeSheet = (spreadsheet, properties) => guarded("Sheet", new Sheet(spreadsheet, properties));

/** Developer metadata in a sheet, or in a spreadsheet. */
class MetadataFinder {
  constructor(spreadsheet, sheet, wanted = {}) {
    holding(this, { spreadsheet, sheet, wanted, with: (name, value) => makeFinder(spreadsheet, sheet, { ...wanted, [name]: value }) });
  }

  withId(id) { return this[HELD].with("id", Number(id)); }
  withKey(key) { return this[HELD].with("key", String(key)); }
  withValue(value) { return this[HELD].with("value", String(value)); }
  find() {
    const { spreadsheet, sheet, wanted } = this[HELD];
    const found = host("metadata.find", spreadsheet.getId(), sheet ? sheet.getSheetId() : null, wanted);
    return found.map((one) => guarded("DeveloperMetadata", new Metadata(spreadsheet, one)));
  }
  toString() { return "DeveloperMetadataFinder"; }
}

class Metadata {
  constructor(spreadsheet, found) { holding(this, { spreadsheet, found }); }

  getId() { return this[HELD].found.id; }
  getKey() { return this[HELD].found.key; }
  getValue() { return this[HELD].found.value; }
  getLocation() { return guarded("DeveloperMetadataLocation", new MetadataLocation(this[HELD].spreadsheet, this[HELD].found)); }
  toString() { return "DeveloperMetadata"; }
}

class MetadataLocation {
  constructor(spreadsheet, { kind, tab, index }) { holding(this, { spreadsheet, kind, sheet: tab && makeSheet(spreadsheet, tab), index }); }

  getLocationType() { return this[HELD].kind; }
  getSpreadsheet() { return this[HELD].kind === "SPREADSHEET" ? this[HELD].spreadsheet : null; }
  getSheet() { return this[HELD].kind === "SHEET" ? this[HELD].sheet : null; }
  getRow() { const { kind, sheet, index } = this[HELD]; return kind === "ROW" ? sheet.getRange(index + 1, 1, 1, sheet.getMaxColumns()) : null; }
  getColumn() { const { kind, sheet, index } = this[HELD]; return kind === "COLUMN" ? sheet.getRange(1, index + 1, sheet.getMaxRows(), 1) : null; }
  toString() { return "DeveloperMetadataLocation"; }
}

const makeFinder = (...held) => guarded("DeveloperMetadataFinder", new MetadataFinder(...held));

/** The edited range in a trigger on an edit; else the first cell. */
function activeRange(sheet) {
  const place = job.event?.range;
  return makeRange(sheet, place && place.sheetId === sheet.getSheetId() ? place : { row: 1, column: 1, rows: 1, columns: 1 });
}

class Spreadsheet {
  constructor(id) { holding(this, { id }); }

  getId() { return this[HELD].id; }
  getUrl() { return spreadsheetInfo(this[HELD].id).url; }
  getName() { return spreadsheetInfo(this[HELD].id).title; }
  getSpreadsheetLocale() { return spreadsheetInfo(this[HELD].id).locale; }
  getSpreadsheetTimeZone() { return spreadsheetInfo(this[HELD].id).timeZone; }
  getSheets() { return spreadsheetInfo(this[HELD].id).sheets.map((one) => makeSheet(this, one)); }
  getNumSheets() { return spreadsheetInfo(this[HELD].id).sheets.length; }
  getSheetByName(name) {
    const found = spreadsheetInfo(this[HELD].id).sheets.find(({ title }) => title === name);
    return found ? makeSheet(this, found) : null;
  }
  getSheetById(id) {
    const found = spreadsheetInfo(this[HELD].id).sheets.find(({ sheetId }) => sheetId === id);
    return found ? makeSheet(this, found) : null;
  }
  createDeveloperMetadataFinder() { return makeFinder(this, null); }
  getActiveSheet() { return (job.event?.range && this.getSheetById(job.event.range.sheetId)) || this.getSheets()[0]; }
  getActiveRange() { return activeRange(this.getActiveSheet()); }
  getActiveCell() { return this.getActiveRange().getCell(1, 1); }
  getCurrentCell() { return this.getActiveCell(); }
  getRange(text) {
    const place = host("range.parse", this[HELD].id, null, text);
    return makeRange(makeSheet(this, place), place);
  }
  insertSheet(title) {
    batch(this[HELD].id, { addSheet: { properties: title === undefined ? {} : { title } } });
    return title === undefined ? this.getSheets().at(-1) : this.getSheetByName(title);
  }
  deleteSheet(sheet) { batch(this[HELD].id, { deleteSheet: { sheetId: sheet.getSheetId() } }); }
  toast(message, title = "", seconds = 5) { host("toast", this[HELD].id, String(message), String(title ?? ""), Number(seconds)); }
  addMenu(name, items) {
    const menu = getUi().createMenu(name);
    for (const item of items) if (item === null) menu.addSeparator(); else menu.addItem(item.name, item.functionName);
    menu.addToUi();
  }
  toString() { return "Spreadsheet"; }
}

const makeSpreadsheet = (id) => guarded("Spreadsheet", new Spreadsheet(id));

function active() {
  needScope("SpreadsheetApp.getActiveSpreadsheet", "spreadsheets.currentonly", "spreadsheets", "spreadsheets.readonly");
  return makeSpreadsheet(job.spreadsheetId);
}

function openById(id) {
  authorize("SpreadsheetApp.openById", "spreadsheets");
  spreadsheetInfo(id);
  return makeSpreadsheet(id);
}

publish("SpreadsheetApp", {
  getActive: active,
  getActiveSpreadsheet: active,
  getActiveSheet: () => active().getActiveSheet(),
  getActiveRange: () => active().getActiveRange(),
  getCurrentCell: () => active().getActiveCell(),
  openById,
  openByUrl(url) {
    const found = /\/d\/([\w-]+)/.exec(url);
    if (!found) throw new Exception(`Invalid argument: url`);
    return openById(found[1]);
  },
  getUi: () => getUi(),
  flush: () => undefined,
});
