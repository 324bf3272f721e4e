/** What keys do in the grid, as in every spreadsheet. */
import { api } from "./api.js";
import { openList, toggleSelected } from "./rules.js";

const ARROWS = { ArrowUp: ["rows", -1], ArrowDown: ["rows", 1], ArrowLeft: ["columns", -1], ArrowRight: ["columns", 1] };

/**
 * Where Ctrl and an arrow lead: to the last filled cell before an empty one, else to the next filled one, else to the edge.
 * `textAt` gives a cell's text, undefined where it is not known; then the answer is null.
 */
function edgeOfBlock(axis, from, direction, textAt) {
  if (textAt(from) === undefined) return null;
  let [index, next] = [from, axis.step(from, direction)];
  const isFull = Boolean(textAt(from)) && Boolean(textAt(next));
  while (next !== index) {
    const text = textAt(next);
    if (text === undefined) return null;
    if (!isFull && text) return next;
    if (isFull && !text) return index;
    [index, next] = [next, axis.step(next, direction)];
  }
  return index;
}

export class Keyboard {
  constructor(app) {
    this.app = app;
    this.tabbedFrom = null;
    /** Keys that were pressed while the edge of a block is looked for; null where none is. */
    this.waiting = null;
    app.editor.field.addEventListener("keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    if (event.isComposing || !this.app.tab) return;
    if (this.waiting) {
      event.preventDefault();
      this.waiting.push(event);
      return;
    }
    const handled = this.app.editor.isOpen ? this.whileEditing(event) : this.whileMoving(event);
    if (handled) event.preventDefault();
  }

  whileEditing(event) {
    const { editor } = this.app;
    if (event.key === "Escape") editor.cancel();
    else if (event.key === "F4") editor.nextForm();
    else if (event.key === "Enter" && (event.altKey || event.ctrlKey)) {
      editor.field.setRangeText("\n", editor.field.selectionStart, editor.field.selectionEnd, "end");
      editor.onTyped(editor.field, editor.bar);
    } else if (event.key === "Enter" || event.key === "Tab") {
      editor.commit();
      this.advance(event);
    } else if (ARROWS[event.key] && editor.typedOver && !event.shiftKey && !editor.field.value.startsWith("=")) {
      editor.commit();
      this.move(event);
    } else return false;
    return true;
  }

  whileMoving(event) {
    const { key } = event;
    const command = event.ctrlKey || event.metaKey;
    const { row, column } = this.app.selection.active;
    const isPlain = !command && !event.shiftKey;
    this.app.clipboard.valuesOnly = command && event.shiftKey && key.toLowerCase() === "v";
    if (key === "Enter" && isPlain && this.app.selection.isOneCell && openList(this.app, row, column)) return true;
    if (key === " " && isPlain && toggleSelected(this.app)) return true;
    if (ARROWS[key] && !event.altKey) this.move(event);
    else if (key === "Enter" && this.app.selection.isOneCell && !event.shiftKey) this.app.editor.open();
    else if (key === "Enter" || key === "Tab") this.advance(event);
    else if (key === "F2") this.app.editor.open();
    else if (key === "Escape") this.escape();
    else if (key === "Delete" || key === "Backspace") this.app.actions.clear(this.app.selection.rect);
    else if (key === "Home" || key === "End") this.toEdge(key, command, event.shiftKey);
    else if (key === "PageDown" || key === "PageUp") this.page(key === "PageDown" ? 1 : -1, event.shiftKey);
    else if (key === " " && (command || event.shiftKey)) this.app.selection.set(this.app.selection.anchor, this.app.selection.focus, command && event.shiftKey ? "all" : command ? "columns" : "rows");
    else if (command && key.toLowerCase() === "a") this.selectAll();
    else if (command && "zy".includes(key.toLowerCase())) this.app.history.take(key.toLowerCase() === "y" || event.shiftKey);
    else if (command && !event.altKey && "dr".includes(key.toLowerCase())) this.app.actions.fill(this.app.clipboard.trimmed(this.app.selection.rect), key.toLowerCase() === "d" ? "rows" : "columns");
    else if (command && event.altKey && key.toLowerCase() === "m") this.app.panels.comments.begin();
    else if (key === "ArrowDown" && event.altKey) return this.app.filters.open(row, column) || openList(this.app, row, column);
    else if (command && "biu".includes(key.toLowerCase())) this.app.toolbar.toggle({ b: "bold", i: "italic", u: "underline" }[key.toLowerCase()]);
    else if ((key === "ContextMenu") || (key === "F10" && event.shiftKey)) this.app.commands.openCellMenu();
    else return false;
    return true;
  }

  escape() {
    this.app.clipboard.forget();
    const { selection } = this.app;
    selection.set(selection.anchor);
  }

  selectAll() {
    const { rowCount, columnCount } = this.app.tab;
    this.app.selection.set(this.app.selection.anchor, this.app.selection.anchor, "all");
    this.app.selection.focus = { row: rowCount - 1, column: columnCount - 1 };
  }

  /** An arrow key: one cell; with Ctrl to the edge of the filled block; with Shift the selection grows. */
  move(event) {
    const [axisName, direction] = ARROWS[event.key];
    const { selection, tab } = this.app;
    const coordinate = axisName === "rows" ? "row" : "column";
    const from = event.shiftKey ? { ...selection.focus } : { ...selection.active };
    const isJump = event.ctrlKey || event.metaKey;
    const held = (index) => tab.cell(...(axisName === "rows" ? [index, from.column] : [from.row, index]))?.text;
    const index = isJump ? edgeOfBlock(tab[axisName], from[coordinate], direction, held) : this.stepOver(from, axisName, direction);
    const go = (to) => this.go({ ...from, [coordinate]: to }, event.shiftKey);
    if (index === null) this.jump(axisName, from, direction).then(go, (error) => this.app.onReadFailure(error)).finally(() => this.replay());
    else go(index);
  }

  go(target, extend) {
    const { selection, tab, grid } = this.app;
    if (extend) selection.set(selection.anchor, target, selection.kind);
    else selection.set(target);
    this.tabbedFrom = null;
    grid.reveal(Math.min(target.row, tab.rowCount - 1), target.column);
  }

  /** The edge of a block that is not all in the browser; keys that are pressed meanwhile wait. */
  async jump(axisName, from, direction) {
    const { tab, spreadsheetId } = this.app;
    this.waiting = [];
    const isRows = axisName === "rows";
    const runs = await api.filled(spreadsheetId, tab.sheetId, isRows ? { column: from.column } : { row: from.row }, tab.asOf);
    const filled = new Uint8Array(tab[axisName].count);
    for (const [first, end] of runs) filled.fill(1, first, end);
    return edgeOfBlock(tab[axisName], isRows ? from.row : from.column, direction, (index) => (filled[index] ? "filled" : ""));
  }

  /** Does what was pressed while the edge of a block was looked for. */
  replay() {
    const { waiting } = this;
    const { editor } = this.app;
    this.waiting = null;
    for (const event of waiting) {
      const command = event.ctrlKey || event.metaKey;
      if (this.waiting) this.waiting.push(event);
      else if (event.key.length === 1 && !command && !event.altKey) {
        editor.field.setRangeText(event.key, editor.field.selectionStart, editor.field.selectionEnd, "end");
        editor.onTyped(editor.field, editor.bar);
      } else if (command && "cx".includes(event.key)) document.execCommand(event.key === "c" ? "copy" : "cut");
      else this.onKey(event);
    }
  }

  stepOver(from, axisName, direction) {
    const { tab, selection } = this.app;
    const { top, bottom, left, right } = selection.overMerges({ top: from.row, bottom: from.row, left: from.column, right: from.column });
    const edge = axisName === "rows" ? (direction > 0 ? bottom : top) : direction > 0 ? right : left;
    return tab[axisName].step(edge, direction);
  }

  toEdge(key, command, extend) {
    const { selection, tab, grid } = this.app;
    const from = extend ? selection.focus : selection.active;
    const target = {
      row: command ? (key === "Home" ? 0 : tab.rowCount - 1) : from.row,
      column: key === "Home" ? 0 : tab.columnCount - 1,
    };
    selection.set(extend ? selection.anchor : target, target);
    grid.reveal(target.row, target.column);
  }

  page(direction, extend) {
    const { selection, tab, grid } = this.app;
    const { height, frozenHeight } = grid.view;
    const from = extend ? selection.focus : selection.active;
    const row = tab.rows.indexAt(Math.max(tab.rows.offset(from.row) + direction * (height - frozenHeight - 30), 0));
    const target = { row, column: from.column };
    selection.set(extend ? selection.anchor : target, target);
    grid.reveal(row, target.column);
  }

  /** Enter goes down, Tab goes right (Shift: back); Enter after some Tabs returns under the first cell. */
  advance(event) {
    const { selection, tab, grid } = this.app;
    const from = selection.active;
    const direction = event.shiftKey ? -1 : 1;
    const target = { ...from };
    if (event.key === "Tab") {
      this.tabbedFrom ??= from.column;
      target.column = this.stepOver(from, "columns", direction);
    } else {
      target.row = this.stepOver(from, "rows", direction);
      if (this.tabbedFrom !== null && direction > 0) target.column = this.tabbedFrom;
      this.tabbedFrom = null;
    }
    selection.set(target);
    grid.reveal(Math.min(target.row, tab.rowCount - 1), target.column);
  }
}
