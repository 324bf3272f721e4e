/** What the mouse and fingers do in the grid: select, drag rows and columns to another place, change sizes, open menus. */
import { byId, el } from "./dom.js";
import { FillHandle } from "./fill.js";
import { press } from "./rules.js";

const EDGE_PIXELS = 5;
const SMALLEST_PIXELS = 12;
const SCROLL_ZONE = 24;

export class Mouse {
  constructor(app) {
    this.app = app;
    this.handle = new FillHandle(app);
    this.line = el("div", { class: "drop-line", hidden: true });
    this.ghost = el("div", { class: "drag-ghost", hidden: true });
    const { stage } = app.grid;
    stage.append(this.line, this.ghost);
    stage.addEventListener("pointerdown", (event) => this.onDown(event));
    stage.addEventListener("pointermove", (event) => this.onHover(event));
    stage.addEventListener("click", (event) => this.onTap(event));
    stage.addEventListener("dblclick", (event) => this.onDouble(event));
    stage.addEventListener("contextmenu", (event) => this.onMenu(event));
    const note = byId("note");
    stage.addEventListener("pointerleave", (event) => note.contains(event.relatedTarget) || app.showNote(null));
    note.addEventListener("pointerleave", (event) => stage.contains(event.relatedTarget) || app.showNote(null));
    app.grid.scroller.addEventListener("scroll", () => app.showNote(null), { passive: true });
  }

  /** Events inside the open editor are text editing, not selecting. */
  concernsEditor(event) {
    return this.app.editor.isOpen && event.target === this.app.editor.field;
  }

  onDown(event) {
    if (event.pointerType === "touch" || event.button !== 0 || this.concernsEditor(event)) return;
    event.preventDefault();
    const { app } = this;
    const hit = app.grid.hit(event.clientX, event.clientY);
    if (hit.area === "cells" && app.editor.awaitsCells) {
      this.startNaming(event, hit);
      return;
    }
    app.editor.commit();
    app.menu.close();
    app.editor.focus();
    if (event.target.matches?.(".fill-handle")) {
      this.handle.start(event, (...how) => this.track(...how));
      return;
    }
    const edge = this.edgeAt(hit);
    if (hit.area === "cells" && !event.shiftKey && press(app, event.target, hit)) return;
    if (edge) this.startResize(event, hit.area, edge.index, edge.size);
    else if (this.isSelectedHead(hit) && !event.shiftKey) this.startMove(event, hit);
    else this.startSelect(event, hit);
  }

  /** The row or column whose far edge is under the pointer. */
  edgeAt(hit) {
    if (hit.area !== "rows" && hit.area !== "columns") return null;
    const axis = this.app.tab[hit.area];
    const [index, after] = hit.area === "rows" ? [hit.row, hit.after.row] : [hit.column, hit.after.column];
    if (after <= EDGE_PIXELS) return { index, size: axis.size(index) };
    if (axis.size(index) - after <= EDGE_PIXELS - 2 && index > 0) {
      const before = axis.step(index, -1);
      return before === index ? null : { index: before, size: axis.size(before) };
    }
    return null;
  }

  isSelectedHead({ area, row, column }) {
    const { kind, rect } = this.app.selection;
    if (area !== kind || area === "cells") return false;
    return area === "rows" ? row >= rect.top && row <= rect.bottom : column >= rect.left && column <= rect.right;
  }

  /** Follows the pointer until it is released; the tab scrolls when the pointer leaves the view. */
  track(event, onMove, onUp) {
    const { stage, scroller } = this.app.grid;
    stage.setPointerCapture(event.pointerId);
    let last = event;
    const scroll = setInterval(() => {
      const box = scroller.getBoundingClientRect();
      const dx = last.clientX > box.right - SCROLL_ZONE ? 30 : last.clientX < box.left + SCROLL_ZONE ? -30 : 0;
      const dy = last.clientY > box.bottom - SCROLL_ZONE ? 30 : last.clientY < box.top + SCROLL_ZONE / 3 ? -30 : 0;
      if (!dx && !dy) return;
      scroller.scrollBy(dx, dy);
      onMove(last);
    }, 40);
    const move = (next) => { last = next; onMove(next); };
    const done = (next, finished) => {
      clearInterval(scroll);
      for (const [name, handler] of handlers) stage.removeEventListener(name, handler);
      onUp(next, finished);
    };
    const handlers = [["pointermove", move], ["pointerup", (next) => done(next, true)], ["pointercancel", (next) => done(next, false)]];
    for (const [name, handler] of handlers) stage.addEventListener(name, handler);
  }

  startSelect(event, hit) {
    const { selection } = this.app;
    const kind = { rows: "rows", columns: "columns", corner: "all", cells: "cells" }[hit.area];
    const here = { row: kind === "columns" || kind === "all" ? 0 : hit.row, column: kind === "rows" || kind === "all" ? 0 : hit.column };
    selection.set(event.shiftKey ? selection.anchor : here, { row: hit.row, column: hit.column }, kind);
    if (kind === "all") return;
    this.track(event, (next) => {
      const over = this.app.grid.hit(next.clientX, next.clientY);
      selection.set(selection.anchor, { row: over.row, column: over.column }, kind);
    }, () => {});
  }

  /** Cells that are pressed on, or dragged over, become a reference of the formula that is being typed. */
  startNaming(event, from) {
    const name = (to) => this.app.editor.name(this.app.selection.overMerges({
      top: Math.min(from.row, to.row), bottom: Math.max(from.row, to.row),
      left: Math.min(from.column, to.column), right: Math.max(from.column, to.column),
    }));
    name(from);
    this.track(event, (next) => name(this.app.grid.hit(next.clientX, next.clientY)), () => {});
  }

  startMove(event, hit) {
    const { app } = this;
    const kind = hit.area;
    const { rect } = app.selection;
    const [start, end] = kind === "rows" ? [rect.top, rect.bottom] : [rect.left, rect.right];
    const startPoint = { x: event.clientX, y: event.clientY };
    let destination = null;
    const onMove = (next) => {
      if (Math.hypot(next.clientX - startPoint.x, next.clientY - startPoint.y) < 5) return;
      const over = app.grid.hit(next.clientX, next.clientY);
      destination = kind === "rows" ? over.row + (over.middle.row ? 1 : 0) : over.column + (over.middle.column ? 1 : 0);
      this.showDrop(kind, destination, rect, next);
    };
    const onUp = (next, finished) => {
      this.line.hidden = true;
      this.ghost.hidden = true;
      if (!finished) return;
      if (destination === null) {
        app.selection.set({ row: kind === "rows" ? hit.row : 0, column: kind === "rows" ? 0 : hit.column }, { row: hit.row, column: hit.column }, kind);
        return;
      }
      if (destination >= start && destination <= end + 1) return;
      const first = destination > end ? destination - (end - start + 1) : destination;
      app.actions.move(kind, start, end, destination);
      const [a, b] = [first, first + end - start];
      app.selection.set(kind === "rows" ? { row: a, column: 0 } : { row: 0, column: a }, kind === "rows" ? { row: b, column: 0 } : { row: 0, column: b }, kind);
    };
    this.track(event, onMove, onUp);
  }

  showDrop(kind, destination, rect, event) {
    const { grid, tab } = this.app;
    const stage = grid.stage.getBoundingClientRect();
    const index = Math.min(destination, (kind === "rows" ? tab.rowCount : tab.columnCount) - 1);
    const at = grid.rectOf({ top: kind === "rows" ? index : 0, bottom: kind === "rows" ? index : 0, left: kind === "rows" ? 0 : index, right: kind === "rows" ? 0 : index });
    const selected = grid.rectOf(rect);
    this.line.hidden = this.ghost.hidden = false;
    if (kind === "rows") {
      Object.assign(this.line.style, { left: "0", right: "0", width: "", height: "2px", top: `${at.top + (destination > index ? at.height : 0) - 1}px` });
      Object.assign(this.ghost.style, { left: "0", width: "100%", height: `${selected.height}px`, top: `${event.clientY - stage.top - selected.height / 2}px` });
    } else {
      Object.assign(this.line.style, { top: "0", width: "2px", height: "100%", left: `${at.left + (destination > index ? at.width : 0) - 1}px` });
      Object.assign(this.ghost.style, { top: "0", height: "100%", width: `${selected.width}px`, left: `${event.clientX - stage.left - selected.width / 2}px` });
    }
  }

  startResize(event, kind, index, size) {
    const { app } = this;
    const from = kind === "rows" ? event.clientY : event.clientX;
    let pixels = size;
    const onMove = (next) => {
      pixels = Math.max(Math.round(size + (kind === "rows" ? next.clientY : next.clientX) - from), SMALLEST_PIXELS);
      const at = app.grid.rectOf({ top: kind === "rows" ? index : 0, bottom: 0, left: kind === "rows" ? 0 : index, right: 0 });
      this.line.hidden = false;
      if (kind === "rows") Object.assign(this.line.style, { left: "0", right: "0", width: "", height: "2px", top: `${at.top + pixels - 1}px` });
      else Object.assign(this.line.style, { top: "0", width: "2px", height: "100%", left: `${at.left + pixels - 1}px` });
    };
    this.track(event, onMove, (next, finished) => {
      this.line.hidden = true;
      if (!finished || pixels === size) return;
      const { rect } = app.selection;
      const [first, last] = kind === "rows" ? [rect.top, rect.bottom] : [rect.left, rect.right];
      const many = app.selection.kind === kind && index >= first && index <= last;
      app.actions.resize(kind, many ? first : index, many ? last : index, pixels);
    });
  }

  onHover(event) {
    if (!this.app.tab || !this.app.grid.view || event.buttons) return;
    const hit = this.app.grid.hit(event.clientX, event.clientY);
    const edge = this.edgeAt(hit);
    const cursor = edge ? (hit.area === "rows" ? "row-resize" : "col-resize") : this.isSelectedHead(hit) ? "grab" : "";
    this.app.grid.stage.style.cursor = cursor;
    this.app.showNote(hit.area === "cells" ? hit : null);
  }

  /** Fingers scroll; a tap selects, a tap on the active cell edits it. */
  onTap(event) {
    if (event.pointerType !== "touch" || this.concernsEditor(event)) return;
    const { app } = this;
    const hit = app.grid.hit(event.clientX, event.clientY);
    if (hit.area === "cells" && press(app, event.target, hit)) return;
    const { active, kind } = app.selection;
    if (hit.area === "cells" && kind === "cells" && active.row === hit.row && active.column === hit.column) {
      app.editor.open();
      return;
    }
    app.editor.commit();
    app.menu.close();
    const area = { rows: "rows", columns: "columns", corner: "all", cells: "cells" }[hit.area];
    app.selection.set({ row: area === "columns" ? 0 : hit.row, column: area === "rows" ? 0 : hit.column }, { row: hit.row, column: hit.column }, area);
    app.editor.focus();
    app.showNote(hit.area === "cells" ? hit : null);
  }

  onDouble(event) {
    if (this.concernsEditor(event)) return;
    const { app } = this;
    // The stage has caught the pointer: the event says nothing of what was pressed.
    if (document.elementFromPoint(event.clientX, event.clientY)?.matches(".fill-handle")) {
      this.handle.fillBeside().catch((error) => app.toast(error.message, "error"));
      return;
    }
    const hit = app.grid.hit(event.clientX, event.clientY);
    if (hit.area === "cells") app.editor.open();
    else this.unhideBeside(hit);
  }

  /** A double click at the border of hidden rows shows them again. */
  unhideBeside({ area, row, column }) {
    if (area !== "rows" && area !== "columns") return;
    const axis = this.app.tab[area];
    const index = area === "rows" ? row : column;
    let last = index;
    while (last + 1 < axis.count && axis.size(last + 1) === 0) last += 1;
    if (last > index) this.app.actions.hide(area, index + 1, last, false);
  }

  onMenu(event) {
    if (this.concernsEditor(event)) return;
    event.preventDefault();
    const { app } = this;
    app.editor.commit();
    const hit = app.grid.hit(event.clientX, event.clientY);
    const { rect, kind } = app.selection;
    const inside = hit.row >= rect.top && hit.row <= rect.bottom && hit.column >= rect.left && hit.column <= rect.right;
    const wanted = { rows: "rows", columns: "columns", corner: "all", cells: "cells" }[hit.area];
    if (!inside || (wanted !== "cells" && wanted !== kind)) {
      app.selection.set({ row: wanted === "columns" ? 0 : hit.row, column: wanted === "rows" ? 0 : hit.column }, { row: hit.row, column: hit.column }, wanted);
    }
    app.commands.openCellMenu(event.clientX, event.clientY);
  }
}
