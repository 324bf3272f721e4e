/** The spreadsheet's title, and the field that shows and takes the address of the selection. */
import { columnLetters, parseAddress, rectToA1 } from "./a1.js";
import { byId } from "./dom.js";

/** "B3:D9", "2:5" for whole rows, "A:C" for whole columns. */
function showAddress(app) {
  const { selection, tab } = app;
  if (!tab) return;
  const { rect, kind } = selection;
  const text = { rows: `${rect.top + 1}:${rect.bottom + 1}`, columns: `${columnLetters(rect.left)}:${columnLetters(rect.right)}` }[kind] ?? rectToA1(rect);
  if (document.activeElement !== byId("address")) byId("address").value = text;
}

/** The keyboard goes back to the cells; the key that brings it there is none of theirs. */
function toCells(app, event) {
  event.preventDefault();
  app.editor.focus();
}

export function wireHeader(app) {
  const title = byId("title");
  title.addEventListener("keydown", (event) => {
    if (event.key === "Escape") title.value = app.title;
    if (event.key === "Enter" || event.key === "Escape") toCells(app, event);
  });
  title.addEventListener("change", () => {
    const wanted = title.value.trim();
    if (wanted && wanted !== app.title) app.actions.renameSpreadsheet(wanted);
    else title.value = app.title;
  });
  const address = byId("address");
  address.addEventListener("focus", () => address.select());
  address.addEventListener("keydown", async (event) => {
    if (event.key === "Escape") toCells(app, event);
    if (event.key !== "Enter") return;
    event.preventDefault();
    const wanted = address.value.trim().toLowerCase();
    const named = app.names.find(({ name }) => name.toLowerCase() === wanted);
    const rect = named?.rect ?? parseAddress(address.value, app.tab.rowCount, app.tab.columnCount);
    if (!rect) {
      app.toast(`“${address.value}” is no address in this tab and no named range. Write one like B7 or A2:C9.`, "error");
      return;
    }
    if (named && named.sheetId !== app.tab.sheetId) await app.show(named.sheetId);
    app.selection.set({ row: rect.top, column: rect.left }, { row: rect.bottom, column: rect.right });
    app.grid.reveal(rect.top, rect.left);
    app.editor.focus();
  });
  address.addEventListener("blur", () => showAddress(app));
  app.selection.onChange(() => showAddress(app));
}
