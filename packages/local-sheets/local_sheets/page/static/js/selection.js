/**
 * What is selected: one rectangle, the cell it started from (anchor) and the cell that typing goes to (active).
 * Draws it over the panes and into the heads.
 */
import { placeAfter } from "./axis.js";
import { el } from "./dom.js";

export class Selection {
  constructor(grid) {
    this.grid = grid;
    this.listeners = [];
    this.marks = Object.values(grid.panes).map((pane) => {
      const marks = { area: el("div", { class: "selected-area" }), active: el("div", { class: "active-cell" }), copied: el("div", { class: "copied-area" }), filling: el("div", { class: "copied-area" }), handle: el("div", { class: "fill-handle" }), pane };
      pane.overlay.append(marks.area, marks.active, marks.copied, marks.filling, marks.handle);
      return marks;
    });
    this.copied = null;
    /** Where the handle is being dragged to. */
    this.filling = null;
    this.set({ row: 0, column: 0 });
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  /** Selects from `anchor` to `focus`. `kind` is "cells", "rows", "columns" or "all". */
  set(anchor, focus = anchor, kind = "cells") {
    Object.assign(this, { anchor, focus, kind });
    this.draw();
    for (const listener of this.listeners) listener(this);
  }

  get active() {
    return this.anchor;
  }

  /** The selected rectangle, grown over merged cells that it touches. */
  get rect() {
    const { anchor, focus, kind } = this;
    const { rowCount, columnCount } = this.grid.tab ?? { rowCount: 1, columnCount: 1 };
    const rect = {
      top: Math.min(anchor.row, focus.row), bottom: Math.max(anchor.row, focus.row),
      left: Math.min(anchor.column, focus.column), right: Math.max(anchor.column, focus.column),
    };
    if (kind === "rows" || kind === "all") Object.assign(rect, { left: 0, right: columnCount - 1 });
    if (kind === "columns" || kind === "all") Object.assign(rect, { top: 0, bottom: rowCount - 1 });
    return kind === "cells" ? this.overMerges(rect) : rect;
  }

  overMerges(rect) {
    for (const merge of this.grid.tab?.properties.merges ?? []) {
      const touches = merge.top <= rect.bottom && merge.bottom >= rect.top && merge.left <= rect.right && merge.right >= rect.left;
      const inside = merge.top >= rect.top && merge.bottom <= rect.bottom && merge.left >= rect.left && merge.right <= rect.right;
      if (touches && !inside) {
        return this.overMerges({
          top: Math.min(rect.top, merge.top), bottom: Math.max(rect.bottom, merge.bottom),
          left: Math.min(rect.left, merge.left), right: Math.max(rect.right, merge.right),
        });
      }
    }
    return rect;
  }

  get isOneCell() {
    const { rect } = this;
    return this.kind === "cells" && rect.top === rect.bottom && rect.left === rect.right;
  }

  /** Keeps the selection inside the grid after rows or columns went away. */
  clamp() {
    const { rowCount, columnCount } = this.grid.tab;
    const inside = ({ row, column }) => ({ row: Math.min(row, rowCount - 1), column: Math.min(column, columnCount - 1) });
    this.set(inside(this.anchor), inside(this.focus), this.kind);
  }

  /** Goes along with rows and columns that came, went or moved; says whether the active cell is still there. */
  follow(change) {
    const { anchor, focus, kind } = this;
    if (kind === "all" || kind === (change.isRows ? "columns" : "rows")) return true;
    const side = change.isRows ? "row" : "column";
    const next = (place) => ({ ...place, [side]: placeAfter(place[side], change) ?? change.start });
    this.set(next(anchor), next(focus), kind);
    return placeAfter(anchor[side], change) !== null;
  }

  draw() {
    if (!this.grid.tab || !this.grid.view) return;
    const { rect } = this;
    const active = this.overMerges({ top: this.active.row, bottom: this.active.row, left: this.active.column, right: this.active.column });
    for (const marks of this.marks) {
      this.place(marks.active, active, marks.pane);
      this.place(marks.area, this.isOneCell ? null : rect, marks.pane);
      this.place(marks.filling, this.filling, marks.pane);
      this.placeHandle(marks, rect);
      this.place(marks.copied, this.copied?.sheetId === this.grid.tab.sheetId ? this.copied.rect : null, marks.pane);
    }
    for (const head of this.grid.heads.values()) {
      const { row, column } = head.dataset;
      const within = row === undefined ? column >= rect.left && column <= rect.right : row >= rect.top && row <= rect.bottom;
      const whole = row === undefined ? this.kind === "columns" || this.kind === "all" : this.kind === "rows" || this.kind === "all";
      head.classList.toggle("within", within);
      head.classList.toggle("whole", within && whole);
    }
  }

  /** The handle stands at the last corner of selected cells. */
  placeHandle({ handle, pane }, rect) {
    handle.hidden = this.kind !== "cells";
    const { tab } = this.grid;
    Object.assign(handle.style, { left: `${tab.columns.offset(rect.right + 1)}px`, top: `${tab.rows.offset(rect.bottom + 1) - pane.origin}px` });
  }

  place(node, rect, pane) {
    node.hidden = !rect;
    if (!rect) return;
    const { tab } = this.grid;
    const [left, top] = [tab.columns.offset(rect.left), tab.rows.offset(rect.top)];
    Object.assign(node.style, {
      left: `${left}px`, top: `${top - pane.origin}px`,
      width: `${tab.columns.offset(rect.right + 1) - left}px`, height: `${tab.rows.offset(rect.bottom + 1) - top}px`,
    });
  }
}
