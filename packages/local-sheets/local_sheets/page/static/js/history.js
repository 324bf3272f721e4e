/**
 * What was done: undo and redo of what this page's person did, and looking at an earlier version. While one is looked at,
 * nothing can be edited.
 */
import { api, client } from "./api.js";
import { byId, el } from "./dom.js";
import { ask } from "./menu.js";

/** "Today 14:05", "3 March 14:05". */
export function momentText(seconds) {
  const then = new Date(seconds * 1000);
  const time = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (then.toDateString() === new Date().toDateString()) return `Today ${time}`;
  const date = then.toLocaleDateString([], { day: "numeric", month: "long", year: then.getFullYear() === new Date().getFullYear() ? undefined : "numeric" });
  return `${date} ${time}`;
}

export class History {
  constructor(app) {
    this.app = app;
    this.steps = { undo: 0, redo: 0 };
    this.version = null;
    document.addEventListener("keydown", (event) => this.onKey(event));
    this.bar = el("div", { class: "banner", role: "status", hidden: true });
    byId("grid").before(this.bar);
  }

  /** Undo and redo wherever the keyboard is, but for where text is being written. */
  onKey(event) {
    const key = event.key.toLowerCase();
    const isOurs = (event.ctrlKey || event.metaKey) && !event.altKey && (key === "z" || key === "y");
    if (!isOurs || event.defaultPrevented || event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
    event.preventDefault();
    this.take(key === "y" || event.shiftKey);
  }

  /** The server says how much there is to undo. */
  onSteps(steps) {
    if (steps?.client !== client) return;
    this.steps = steps;
    this.app.toolbar.showState();
  }

  take(redo) {
    const { app } = this;
    app.editor.commit();
    app.editor.focus();
    return app.actions.enqueue(async () => {
      if (!app.mayEdit()) return;
      const done = await api.undo(app.spreadsheetId, redo);
      const [range] = done.ranges;
      const sheetId = range?.sheetId ?? done.sheetId;
      if (range && app.tabs.has(sheetId)) {
        if (sheetId !== app.tab.sheetId) await app.show(sheetId);
        app.selection.set({ row: range.startRowIndex, column: range.startColumnIndex }, { row: range.endRowIndex - 1, column: range.endColumnIndex - 1 });
        app.selection.clamp();
        app.grid.reveal(app.selection.active.row, app.selection.active.column);
      }
      if (done.keptForOthers) app.toast(`${done.keptForOthers} ${done.keptForOthers === 1 ? "cell was" : "cells were"} left as others have changed them since.`);
    });
  }

  /** Shows the spreadsheet as a version left it; null goes back to the present. */
  async look(version) {
    const { app } = this;
    app.editor.commit();
    this.version = version;
    this.lock(true);
    if (version !== null) this.showBar();
    try {
      await app.startAnew();
    } finally {
      if (this.version === version) {
        this.lock(version !== null);
        this.showBar();
      }
    }
  }

  /** Nothing can be typed, nor while what is shown is being read anew. */
  lock(isLocked) {
    const { editor } = this.app;
    editor.field.readOnly = editor.bar.readOnly = isLocked;
  }

  showBar() {
    const { version } = this;
    this.bar.hidden = version === null;
    if (version === null) return;
    this.bar.replaceChildren(
      el("span", { text: `As of ${momentText(version.ended)}, by ${version.author}` }),
      el("button", { type: "button", class: "button primary", text: "Restore this version", on: { click: () => this.restore() } }),
      el("button", { type: "button", class: "button outline", text: "Back to the present", on: { click: () => this.look(null) } }));
  }

  async restore() {
    const { app, version } = this;
    const sure = await ask({ title: "Restore this version?", hint: `The spreadsheet becomes what it was at ${momentText(version.ended)}. What it holds now stays in the list of versions.`, action: "Restore" });
    if (sure === null) return;
    try {
      await api.restore(app.spreadsheetId, version.number);
      await this.look(null);
      app.toast("The version is restored.");
    } catch (error) {
      app.toast(error.message, "error");
    }
  }
}
