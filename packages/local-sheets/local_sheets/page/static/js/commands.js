/** Menus of rows, columns and cells, and the commands that ask a question first. */
import { columnLetters } from "./a1.js";
import { api } from "./api.js";
import { ask } from "./menu.js";
import { allowImport } from "./messages.js";

export class Commands {
  constructor(app) {
    this.app = app;
  }

  rowItems() {
    const { actions, selection, tab } = this.app;
    const isAcross = selection.kind === "columns" || selection.kind === "all";
    const { top, bottom } = isAcross ? { top: selection.active.row, bottom: selection.active.row } : selection.rect;
    const count = bottom - top + 1;
    const rows = count === 1 ? "row" : `${count} rows`;
    const shown = tab.shownParts({ top, bottom }).reduce((sum, part) => sum + part.bottom - part.top + 1, 0);
    const frozen = tab.properties.frozenRows;
    return [
      { label: `Insert ${rows} above`, icon: "add_row_above", run: () => actions.insert("rows", top, count) },
      { label: `Insert ${rows} below`, icon: "add_row_below", run: () => actions.insert("rows", bottom + 1, count) },
      { label: `Delete ${shown === 1 ? "row" : `${shown} rows`}`, icon: "delete", run: () => actions.remove("rows", top, bottom) },
      { label: `Hide ${rows}`, icon: "visibility_off", run: () => actions.hide("rows", top, bottom, true) },
      this.hiddenWithin("rows", top, bottom) && { label: "Show hidden rows", icon: "visibility", run: () => actions.hide("rows", Math.max(top - 1, 0), Math.min(bottom + 1, tab.rowCount - 1), false) },
      frozen !== bottom + 1 && { label: `Freeze up to row ${bottom + 1}`, icon: "ac_unit", disabled: bottom + 1 >= tab.rowCount, run: () => actions.freeze("rows", bottom + 1) },
      frozen > 0 && { label: "Unfreeze rows", icon: "lock_open", run: () => actions.freeze("rows", 0) },
    ];
  }

  columnItems() {
    const { actions, selection, tab } = this.app;
    const isAcross = selection.kind === "rows" || selection.kind === "all";
    const { left, right } = isAcross ? { left: selection.active.column, right: selection.active.column } : selection.rect;
    const count = right - left + 1;
    const columns = count === 1 ? "column" : `${count} columns`;
    const frozen = tab.properties.frozenColumns;
    return [
      { label: `Insert ${columns} left`, icon: "add_column_left", run: () => actions.insert("columns", left, count) },
      { label: `Insert ${columns} right`, icon: "add_column_right", run: () => actions.insert("columns", right + 1, count) },
      { label: `Delete ${columns}`, icon: "delete", run: () => actions.remove("columns", left, right) },
      { label: `Hide ${columns}`, icon: "visibility_off", run: () => actions.hide("columns", left, right, true) },
      this.hiddenWithin("columns", left, right) && { label: "Show hidden columns", icon: "visibility", run: () => actions.hide("columns", Math.max(left - 1, 0), Math.min(right + 1, tab.columnCount - 1), false) },
      { label: "Sort A to Z", icon: "arrow_downward", run: () => actions.sort(left, "ASCENDING") },
      { label: "Sort Z to A", icon: "arrow_upward", run: () => actions.sort(left, "DESCENDING") },
      frozen !== right + 1 && { label: `Freeze up to column ${columnLetters(right)}`, icon: "ac_unit", disabled: right + 1 >= tab.columnCount, run: () => actions.freeze("columns", right + 1) },
      frozen > 0 && { label: "Unfreeze columns", icon: "lock_open", run: () => actions.freeze("columns", 0) },
    ];
  }

  /** Sorting of what is selected alone, by the column of the active cell. */
  rangeItems() {
    const { actions, selection } = this.app;
    const { rect, active } = selection;
    const by = `by column ${columnLetters(active.column)}`;
    return [
      { label: `Sort range ${by}, A to Z`, icon: "arrow_downward", disabled: rect.top === rect.bottom, run: () => actions.sort(active.column, "ASCENDING", rect) },
      { label: `Sort range ${by}, Z to A`, icon: "arrow_upward", disabled: rect.top === rect.bottom, run: () => actions.sort(active.column, "DESCENDING", rect) },
    ];
  }

  hiddenWithin(kind, first, last) {
    const axis = this.app.tab[kind];
    for (let index = Math.max(first - 1, 0); index <= Math.min(last + 1, axis.count - 1, first + 5000); index++) if (axis.size(index) === 0) return true;
    return false;
  }

  /** The menu of the selection, at the pointer or at the active cell. */
  openCellMenu(x, y) {
    const box = this.app.grid.rectOf(this.app.editor.target);
    const stage = this.app.grid.stage.getBoundingClientRect();
    const { kind, active } = this.app.selection;
    const items = [
      kind === "cells" && this.app.editor.cell().asks ? [{ label: "Allow access", icon: "link", run: () => allowImport(this.app, active) }] : [],
      kind !== "columns" && kind !== "all" ? this.rowItems() : [],
      kind !== "rows" && kind !== "all" ? this.columnItems() : [],
      kind === "cells" && !this.app.selection.isOneCell ? this.rangeItems() : [],
      [{ label: "Clear", icon: "backspace", key: "Del", run: () => this.app.actions.clear(this.app.selection.rect) },
        kind === "cells" && { label: "Note", icon: "sticky_note_2", run: () => this.askForNote() },
        kind === "cells" && { label: "Comment", icon: "add_comment", run: () => this.app.panels.comments.begin() }],
    ].filter((part) => part.length);
    this.app.menu.open(x ?? stage.left + box.left, y ?? stage.top + box.top + box.height, items.flatMap((part, index) => (index ? ["-", ...part] : part)));
  }

  async askForNote() {
    const { row, column } = this.app.selection.active;
    const cell = this.app.tab.cell(row, column);
    const note = await ask({ title: `Note on ${columnLetters(column)}${row + 1}`, label: "Note", value: cell?.note ?? "", action: "Save", multiline: true });
    if (note !== null && note !== cell?.note) this.app.actions.setNote(row, column, note);
  }

  /** Where a new column goes: after the last one with a header. */
  async firstFreeColumn() {
    const { spreadsheetId, tab } = this.app;
    const header = await api.cells(spreadsheetId, tab.sheetId, [0, 1], [0, tab.columnCount]);
    return 1 + Math.max(-1, ...header.cells.filter(([, , text]) => text !== "").map(([, column]) => column));
  }

  async askForColumn() {
    const header = await ask({ title: "Add a column of your own", label: "Header", action: "Add", hint: "It goes to the right of the last column with a header. The pipeline leaves it alone." });
    if (!header) return;
    const at = await this.firstFreeColumn();
    if (await this.app.actions.addColumn(at, header)) await this.app.reload({ flash: false });
    this.app.selection.set({ row: 0, column: at });
    this.app.grid.reveal(0, at);
  }

  async addTab() {
    const answer = await this.app.actions.addTab();
    const added = answer?.replies?.[0]?.addSheet?.properties.sheetId;
    if (added !== undefined) await this.app.reload({ flash: false });
    if (added !== undefined && this.app.tabs.has(added)) this.app.show(added);
  }
}
