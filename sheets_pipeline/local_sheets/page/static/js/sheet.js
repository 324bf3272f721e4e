/** The page of one spreadsheet: brings the parts together and keeps them true to the server. */
import { Actions } from "./actions.js";
import { columnLetters, parseAddress, rectToA1 } from "./a1.js";
import { api, client } from "./api.js";
import { Clipboard } from "./clipboard.js";
import { byId, el, icon } from "./dom.js";
import { Editor } from "./editor.js";
import { Grid } from "./grid.js";
import { Keyboard } from "./keyboard.js";
import { Live } from "./live.js";
import { ask, Menu } from "./menu.js";
import { Mouse } from "./mouse.js";
import { Panels } from "./panels.js";
import { Selection } from "./selection.js";
import { Tab } from "./tab.js";
import { TabBar } from "./tabbar.js";
import { Toolbar } from "./toolbar.js";

const TOAST_MS = 5000;

class SheetPage {
  constructor(spreadsheetId) {
    this.spreadsheetId = spreadsheetId;
    this.tabs = new Map();
    this.tab = null;
    this.grid = new Grid(byId("grid"));
    this.selection = new Selection(this.grid);
    this.actions = new Actions(this);
    this.editor = new Editor(this);
    this.clipboard = new Clipboard(this);
    this.keyboard = new Keyboard(this);
    this.menu = new Menu(() => this.editor.focus());
    this.mouse = new Mouse(this);
    this.toolbar = new Toolbar(this);
    this.tabbar = new TabBar(this);
    this.panels = new Panels(this);
    this.grid.onDrawn = () => {
      this.selection.draw();
      this.editor.follow();
    };
    this.selection.onChange(() => this.showAddress());
    this.wireHeader();
  }

  async start() {
    await this.reload({ flash: false });
    const wanted = Number(/gid=(\d+)/.exec(location.hash)?.[1]);
    this.show(this.tabs.has(wanted) ? wanted : [...this.tabs.values()].find((tab) => !tab.properties.hidden).sheetId);
    addEventListener("hashchange", () => {
      const sheetId = Number(/gid=(\d+)/.exec(location.hash)?.[1]);
      if (this.tabs.has(sheetId) && sheetId !== this.tab.sheetId) this.show(sheetId);
    });
    this.live = new Live(`/page/api/stream?spreadsheetId=${encodeURIComponent(this.spreadsheetId)}`, {
      page_change: (message) => message.changes.forEach((change) => this.onServerChange(change, message.client === client)),
      behind: () => this.reload({ flash: false }),
      ...this.panels.handlers(),
    }, (isOpen, isAgain) => {
      byId("live").dataset.state = isOpen ? "live" : "lost";
      byId("live-label").textContent = isOpen ? "Live" : "Reconnecting";
      if (isOpen && isAgain) this.reload({ flash: "few" });
    });
    this.editor.focus();
  }

  /** Reads the spreadsheet's shape again: titles, tabs, sizes; and everything in view. */
  async reload({ flash }) {
    const spreadsheet = await api.spreadsheet(this.spreadsheetId);
    this.title = spreadsheet.title;
    document.title = `${spreadsheet.title} – Local Sheets`;
    if (document.activeElement !== byId("title")) byId("title").value = spreadsheet.title;
    const before = this.tabs;
    this.tabs = new Map();
    for (const properties of spreadsheet.tabs) {
      const tab = before.get(properties.sheetId) ?? new Tab(this.spreadsheetId, properties, () => this.onTabChanged(tab));
      tab.onFailure = (error) => this.toast(error.message, "error");
      tab.setProperties(properties);
      this.tabs.set(properties.sheetId, tab);
    }
    if (this.tab) {
      if (!this.tabs.has(this.tab.sheetId)) this.show([...this.tabs.values()].find((tab) => !tab.properties.hidden).sheetId);
      else {
        await this.tab.loadLayout();
        this.tab.invalidate(null, flash);
        this.selection.clamp();
      }
      for (const tab of this.tabs.values()) if (tab !== this.tab) tab.outdated = true;
    }
    this.tabbar.show();
  }

  onTabChanged(tab) {
    if (tab !== this.tab) return;
    this.grid.redraw();
    this.toolbar.showState();
    this.tabbar.showSummary();
  }

  async show(sheetId) {
    this.editor.commit();
    if (this.tab) this.tab.selected = { anchor: this.selection.anchor, focus: this.selection.focus, kind: this.selection.kind };
    const tab = this.tabs.get(sheetId);
    this.tab = tab;
    history.replaceState(null, "", `#gid=${sheetId}`);
    this.tabbar.show();
    if (!tab.loaded || tab.outdated) {
      tab.invalidate(null, false);
      await tab.loadLayout();
      Object.assign(tab, { loaded: true, outdated: false });
    }
    if (this.tab !== tab) return;
    this.grid.setTab(tab);
    const selected = tab.selected ?? { anchor: { row: 0, column: 0 }, focus: { row: 0, column: 0 }, kind: "cells" };
    this.grid.draw();
    this.selection.set(selected.anchor, selected.focus, selected.kind);
    this.editor.focus();
  }

  /** Somebody changed something: cells of one tab, or its shape. */
  onServerChange(change, isOwn) {
    if (change.kind === "shape") {
      clearTimeout(this.reloading);
      this.reloading = setTimeout(() => this.reload({ flash: isOwn ? false : "few" }).catch((error) => this.toast(error.message, "error")), 30);
      return;
    }
    const tab = this.tabs.get(change.sheetId);
    if (tab === this.tab) tab.invalidate(change.rect, !isOwn);
    else if (tab) tab.outdated = true;
  }

  showAddress() {
    const { selection, tab } = this;
    if (!tab) return;
    const { rect, kind } = selection;
    const text = { rows: `${rect.top + 1}:${rect.bottom + 1}`, columns: `${columnLetters(rect.left)}:${columnLetters(rect.right)}` }[kind] ?? rectToA1(rect);
    if (document.activeElement !== byId("address")) byId("address").value = text;
  }

  wireHeader() {
    const title = byId("title");
    title.addEventListener("keydown", (event) => {
      if (event.key === "Escape") title.value = this.title;
      if (event.key === "Enter" || event.key === "Escape") this.editor.focus();
    });
    title.addEventListener("change", () => {
      const wanted = title.value.trim();
      if (wanted && wanted !== this.title) this.actions.renameSpreadsheet(wanted);
      else title.value = this.title;
    });
    const address = byId("address");
    address.addEventListener("focus", () => address.select());
    address.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.editor.focus();
      if (event.key !== "Enter") return;
      const rect = parseAddress(address.value, this.tab.rowCount, this.tab.columnCount);
      if (!rect) {
        this.toast(`“${address.value}” is no address in this tab. Write one like B7 or A2:C9.`, "error");
        return;
      }
      this.selection.set({ row: rect.top, column: rect.left }, { row: rect.bottom, column: rect.right });
      this.grid.reveal(rect.top, rect.left);
      this.editor.focus();
    });
    address.addEventListener("blur", () => this.showAddress());
  }

  /** A message at the foot of the page; errors stay longer. */
  toast(message, kind = "info") {
    const node = el("div", { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" }, icon(kind === "error" ? "error" : "check_circle"), el("span", { text: message }));
    byId("toasts").append(node);
    setTimeout(() => node.remove(), kind === "error" ? TOAST_MS * 2 : TOAST_MS);
  }

  /** Shows the note of the cell under the pointer. */
  showNote(hit) {
    const note = hit ? this.tab.cell(hit.row, hit.column)?.note : "";
    const bubble = byId("note");
    if (!note || this.editor.isOpen) {
      bubble.hidden = true;
      return;
    }
    const box = this.grid.rectOf({ top: hit.row, bottom: hit.row, left: hit.column, right: hit.column });
    const stage = this.grid.stage.getBoundingClientRect();
    bubble.textContent = note;
    bubble.hidden = false;
    const right = stage.left + box.left + box.width + 6;
    bubble.style.left = `${Math.max(Math.min(right, innerWidth - bubble.offsetWidth - 8), 8)}px`;
    bubble.style.top = `${Math.min(stage.top + box.top, innerHeight - bubble.offsetHeight - 8)}px`;
  }

  rowItems() {
    const { actions, selection, tab } = this;
    const { top, bottom } = selection.rect;
    const count = selection.kind === "columns" || selection.kind === "all" ? 1 : bottom - top + 1;
    const rows = count === 1 ? "row" : `${count} rows`;
    const frozen = tab.properties.frozenRows;
    return [
      { label: `Insert ${rows} above`, icon: "add_row_above", run: () => actions.insert("rows", top, count) },
      { label: `Insert ${rows} below`, icon: "add_row_below", run: () => actions.insert("rows", bottom + 1, count) },
      { label: `Delete ${rows}`, icon: "delete", run: () => actions.remove("rows", top, bottom) },
      { label: `Hide ${rows}`, icon: "visibility_off", run: () => actions.hide("rows", top, bottom, true) },
      this.hiddenWithin("rows", top, bottom) && { label: "Show hidden rows", icon: "visibility", run: () => actions.hide("rows", Math.max(top - 1, 0), Math.min(bottom + 1, tab.rowCount - 1), false) },
      frozen ? { label: "Unfreeze rows", icon: "lock_open", run: () => actions.freeze("rows", 0) }
        : { label: `Freeze up to row ${bottom + 1}`, icon: "ac_unit", disabled: bottom + 1 >= tab.rowCount, run: () => actions.freeze("rows", bottom + 1) },
    ];
  }

  columnItems() {
    const { actions, selection, tab } = this;
    const { left, right } = selection.rect;
    const count = selection.kind === "rows" || selection.kind === "all" ? 1 : right - left + 1;
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
      frozen ? { label: "Unfreeze columns", icon: "lock_open", run: () => actions.freeze("columns", 0) }
        : { label: `Freeze up to column ${columnLetters(right)}`, icon: "ac_unit", disabled: right + 1 >= tab.columnCount, run: () => actions.freeze("columns", right + 1) },
    ];
  }

  hiddenWithin(kind, first, last) {
    const axis = this.tab[kind];
    for (let index = Math.max(first - 1, 0); index <= Math.min(last + 1, axis.count - 1, first + 5000); index++) if (axis.size(index) === 0) return true;
    return false;
  }

  /** The menu of the selection, at the pointer or at the active cell. */
  openCellMenu(x, y) {
    const box = this.grid.rectOf(this.editor.target);
    const stage = this.grid.stage.getBoundingClientRect();
    const { kind } = this.selection;
    const items = [
      kind !== "columns" && kind !== "all" ? this.rowItems() : [],
      kind !== "rows" && kind !== "all" ? this.columnItems() : [],
      [{ label: "Clear", icon: "backspace", key: "Del", run: () => this.actions.clear(this.selection.rect) },
        kind === "cells" && { label: "Note", icon: "add_comment", run: () => this.askForNote() }],
    ].filter((part) => part.length);
    this.menu.open(x ?? stage.left + box.left, y ?? stage.top + box.top + box.height, items.flatMap((part, index) => (index ? ["-", ...part] : part)));
  }

  async askForNote() {
    const { row, column } = this.selection.active;
    const cell = this.tab.cell(row, column);
    const note = await ask({ title: `Note on ${columnLetters(column)}${row + 1}`, label: "Note", value: cell?.note ?? "", action: "Save", multiline: true });
    if (note !== null && note !== cell?.note) this.actions.setNote(row, column, note);
    this.editor.focus();
  }

  /** Where a new column goes: after the last one with a header. */
  firstFreeColumn() {
    let column = this.tab.columnCount;
    while (column > 0 && !(this.tab.cell(0, column - 1)?.text)) column -= 1;
    return column;
  }

  async askForColumn() {
    const header = await ask({ title: "Add a column of your own", label: "Header", action: "Add", hint: "It goes to the right of the last column with a header. The pipeline leaves it alone." });
    if (!header) return;
    const at = this.firstFreeColumn();
    if (await this.actions.addColumn(at, header)) await this.reload({ flash: false });
    this.selection.set({ row: 0, column: at });
    this.grid.reveal(0, at);
    this.editor.focus();
  }

  async addTab() {
    const answer = await this.actions.addTab();
    const added = answer?.replies?.[0]?.addSheet?.properties.sheetId;
    if (added !== undefined) await this.reload({ flash: false });
    if (added !== undefined && this.tabs.has(added)) this.show(added);
  }
}

const page = new SheetPage(/\/spreadsheets\/d\/([^/]+)/.exec(location.pathname)[1]);
page.start().catch((error) => {
  byId("failure").hidden = false;
  byId("failure-text").textContent = error.message;
});
