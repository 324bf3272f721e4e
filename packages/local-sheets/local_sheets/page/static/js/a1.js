/** Cell addresses as people write them. Rows, columns and rectangles count from 0; rectangles hold their last cell. */

/** 0 → "A", 27 → "AB". */
export function columnLetters(index) {
  let letters = "";
  for (let n = index + 1; n > 0; n = Math.floor((n - 1) / 26)) letters = String.fromCharCode(65 + ((n - 1) % 26)) + letters;
  return letters;
}

/** "AB" → 27. */
export function columnIndex(letters) {
  let index = 0;
  for (const letter of letters.toUpperCase()) index = index * 26 + letter.charCodeAt(0) - 64;
  return index - 1;
}

/** "B3", or "B3:D9" for more than one cell. */
export function rectToA1({ top, left, bottom, right }) {
  const first = columnLetters(left) + (top + 1);
  return top === bottom && left === right ? first : `${first}:${columnLetters(right)}${bottom + 1}`;
}

/** The same with its tab, quoted as the API wants it. */
export function withTitle(title, a1) {
  return `'${title.replaceAll("'", "''")}'!${a1}`;
}

/** "b3", "A:C", "2:5", "B3:D9" → rectangle inside the grid, or null where the text is no address. */
export function parseAddress(text, rowCount, columnCount) {
  const match = /^\s*\$?([A-Za-z]{0,3})\$?(\d{0,8})(?::\$?([A-Za-z]{0,3})\$?(\d{0,8}))?\s*$/.exec(text);
  if (!match || !(match[1] || match[2])) return null;
  const [, column1, row1, column2 = column1, row2 = row1] = match;
  if (!text.includes(":") && !(column1 && row1)) return null;
  const rows = [row1 ? row1 - 1 : 0, row2 ? row2 - 1 : rowCount - 1].sort((a, b) => a - b);
  const columns = [column1 ? columnIndex(column1) : 0, column2 ? columnIndex(column2) : columnCount - 1].sort((a, b) => a - b);
  if (rows[0] < 0 || rows[0] >= rowCount || columns[0] >= columnCount) return null;
  return { top: rows[0], left: columns[0], bottom: Math.min(rows[1], rowCount - 1), right: Math.min(columns[1], columnCount - 1) };
}

/** A rectangle as the API's GridRange. */
export function toGridRange(sheetId, { top, left, bottom, right }) {
  return { sheetId, startRowIndex: top, endRowIndex: bottom + 1, startColumnIndex: left, endColumnIndex: right + 1 };
}

/** Whether two rectangles have a cell in common. */
export function rectsMeet(one, other) {
  return one.top <= other.bottom && one.bottom >= other.top && one.left <= other.right && one.right >= other.left;
}

/** "#rrggbb" as the API's Color. */
export function toApiColour(hex) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16) / 255);
  return { red, green, blue };
}

const REFERENCES = /(?<![\w.$])\$?[A-Za-z]{1,3}\$?\d{1,8}(?::\$?[A-Za-z]{1,3}\$?\d{1,8})?(?![\w.(!])/g;
/** Whether column and row are fixed: each form is followed by the next one. */
const FORMS = [[false, false], [true, true], [false, true], [true, false]];

/** The reference at the caret of a formula in its next form (A1, $A$1, A$1, $A1), with its place; null where there is none. */
export function nextForm(formula, caret) {
  for (const { 0: text, index: start } of formula.matchAll(REFERENCES)) {
    const end = start + text.length;
    if (caret < start || caret > end) continue;
    const [, column, row] = /^(\$?)[A-Za-z]+(\$?)/.exec(text);
    const now = FORMS.findIndex((form) => form[0] === Boolean(column) && form[1] === Boolean(row));
    const [fixedColumn, fixedRow] = FORMS[(now + 1) % FORMS.length];
    const next = text.replace(/\$?([A-Za-z]+)\$?(\d+)/g, (_, letters, number) => `${fixedColumn ? "$" : ""}${letters}${fixedRow ? "$" : ""}${number}`);
    return { start, end, text: next };
  }
  return null;
}
