/**
 * The grid: four panes, column letters and row numbers around them, and the scrolling that moves them together.
 * Only what can be seen has elements. It knows where things are; what a click means is decided elsewhere.
 */
import { columnLetters } from "./a1.js";
import { el } from "./dom.js";
import { Pane } from "./pane.js";

const HEADER_HEIGHT = 24;
/** Browsers limit how tall an element can be; taller tabs scroll in larger steps. */
const TALLEST = 12_000_000;
const MARGIN_AFTER_LAST = 60;
const ROWS_AHEAD = 12;

export class Grid {
  constructor(root, marks) {
    this.spacer = el("div", { class: "spacer" });
    this.stage = el("div", { class: "stage" });
    this.root = root;
    this.scroller = el("div", { class: "scroller", tabindex: "-1", role: "rowgroup" }, this.spacer);
    this.spacer.append(this.stage);
    this.panes = Object.fromEntries(["main", "left", "top", "corner"].map((name) => [name, new Pane(name, marks)]));
    this.columnStrip = el("div", { class: "strip columns", role: "row", "aria-rowindex": "1" });
    this.rowStrip = el("div", { class: "strip rows" });
    this.corner = el("button", { type: "button", class: "select-all", tabindex: "-1", "aria-label": "Select all cells" });
    this.frozenLines = [el("div", { class: "frozen-line across" }), el("div", { class: "frozen-line down" })];
    this.stage.append(...Object.values(this.panes).map((pane) => pane.node), this.columnStrip, this.rowStrip, ...this.frozenLines, this.headRow(0, el("div", { class: "pass", role: "columnheader", "aria-colindex": "1" }, this.corner)));
    this.heads = new Map();
    this.tab = null;
    this.onDrawn = () => {};
    root.append(this.scroller);
    this.scroller.addEventListener("scroll", () => this.redraw(), { passive: true });
    new ResizeObserver(() => this.redraw()).observe(this.scroller);
  }

  setTab(tab) {
    this.tab = tab;
    // The letters above and the numbers beside the cells are the first row and the first column.
    this.root.setAttribute("aria-rowcount", String(tab.rowCount + 1));
    this.root.setAttribute("aria-colcount", String(tab.columnCount + 1));
    for (const pane of Object.values(this.panes)) pane.clear();
    for (const head of this.heads.values()) this.removeHead(head);
    this.heads.clear();
    this.scroller.scrollTo(tab.scroll?.left ?? 0, tab.scroll?.top ?? 0);
    this.redraw();
  }

  /** Draws in the next frame; asking many times costs once. */
  redraw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.tab) this.draw();
    });
  }

  get headerWidth() {
    return Math.max(42, 18 + 8 * String(this.tab.rowCount).length);
  }

  /** Everything about where the view stands: sizes of the view, frozen part, scroll position, visible cells. */
  measure() {
    const { tab, scroller } = this;
    const [width, height] = [scroller.clientWidth - this.headerWidth, scroller.clientHeight - HEADER_HEIGHT];
    const frozenColumns = this.frozenThatFits(tab.columns, tab.properties.frozenColumns, width);
    const frozenRows = this.frozenThatFits(tab.rows, tab.properties.frozenRows, height);
    const [frozenWidth, frozenHeight] = [tab.columns.offset(frozenColumns), tab.rows.offset(frozenRows)];
    const contentHeight = tab.rows.total + HEADER_HEIGHT + MARGIN_AFTER_LAST;
    const spacerHeight = Math.min(contentHeight, TALLEST);
    const scale = contentHeight > TALLEST ? (contentHeight - scroller.clientHeight) / (TALLEST - scroller.clientHeight) : 1;
    const [x, y] = [frozenWidth + scroller.scrollLeft, frozenHeight + scroller.scrollTop * scale];
    const visible = {
      top: Math.max(tab.rows.indexAt(y), frozenRows), bottom: tab.rows.indexAt(y + height - frozenHeight),
      left: Math.max(tab.columns.indexAt(x), frozenColumns), right: tab.columns.indexAt(x + width - frozenWidth),
    };
    return { width, height, frozenColumns, frozenRows, frozenWidth, frozenHeight, x, y, scale, visible, spacerHeight };
  }

  /** Frozen rows that leave room for the others; on a narrow screen fewer are held. */
  frozenThatFits(axis, frozen, room) {
    let count = Math.min(frozen, axis.count - 1);
    while (count > 0 && axis.offset(count) > room * 0.66) count -= 1;
    return Math.max(count, 0);
  }

  draw() {
    const { tab, scroller } = this;
    this.spacer.style.width = `${tab.columns.total + this.headerWidth + MARGIN_AFTER_LAST}px`;
    const view = this.measure();
    this.view = view;
    this.spacer.style.height = `${view.spacerHeight}px`;
    this.stage.style.width = `${scroller.clientWidth}px`;
    this.stage.style.height = `${scroller.clientHeight}px`;
    tab.scroll = { left: scroller.scrollLeft, top: scroller.scrollTop };
    this.drawPanes(view);
    this.drawHeads(view);
    this.askForCells(view);
    this.onDrawn(view);
  }

  drawPanes({ width, height, frozenColumns, frozenRows, frozenWidth, frozenHeight, x, y, visible }) {
    const { tab, panes, headerWidth } = this;
    const [left, top] = [headerWidth + frozenWidth, HEADER_HEIGHT + frozenHeight];
    panes.main.place({ left, top, width: width - frozenWidth, height: height - frozenHeight, x, y });
    panes.left.place({ left: headerWidth, top, width: frozenWidth, height: height - frozenHeight, x: 0, y });
    panes.top.place({ left, top: HEADER_HEIGHT, width: width - frozenWidth, height: frozenHeight, x, y: 0 });
    panes.corner.place({ left: headerWidth, top: HEADER_HEIGHT, width: frozenWidth, height: frozenHeight, x: 0, y: 0 });
    const frozenAcross = frozenColumns > 0 && { left: 0, right: frozenColumns - 1 };
    const frozenDown = frozenRows > 0 && { top: 0, bottom: frozenRows - 1 };
    panes.main.draw(tab, visible);
    panes.left.draw(tab, frozenAcross && { ...visible, ...frozenAcross });
    panes.top.draw(tab, frozenDown && { ...visible, ...frozenDown });
    panes.corner.draw(tab, frozenAcross && frozenDown && { ...frozenAcross, ...frozenDown });
    const [across, down] = this.frozenLines;
    across.hidden = !frozenRows;
    down.hidden = !frozenColumns;
    across.style.top = `${top - 1}px`;
    down.style.left = `${left - 1}px`;
    this.corner.style.width = `${headerWidth}px`;
  }

  drawHeads({ width, height, frozenColumns, frozenRows, frozenWidth, frozenHeight, x, y, visible }) {
    const { tab, headerWidth } = this;
    this.columnStrip.style.left = `${headerWidth}px`;
    this.columnStrip.style.width = `${width}px`;
    this.rowStrip.style.width = `${headerWidth}px`;
    this.rowStrip.style.height = `${height}px`;
    const seen = new Set();
    const columns = [[0, frozenColumns - 1, 0, 0], [visible.left, visible.right, x - frozenWidth, frozenWidth]];
    for (const [first, last, shift, clip] of columns) {
      for (let column = first; column <= last; column++) this.drawHead(this.columnStrip, tab.columns, column, shift, clip, seen, "left", "width", columnLetters(column));
    }
    const rows = [[0, frozenRows - 1, 0, 0], [visible.top, visible.bottom, y - frozenHeight, frozenHeight]];
    for (const [first, last, shift, clip] of rows) {
      for (let row = first; row <= last; row++) this.drawHead(this.rowStrip, tab.rows, row, shift, clip, seen, "top", "height", String(row + 1));
    }
    for (const [key, head] of this.heads) {
      if (seen.has(key)) continue;
      this.removeHead(head);
      this.heads.delete(key);
    }
  }

  drawHead(strip, axis, index, shift, clip, seen, edge, extent, label) {
    const size = axis.size(index);
    if (size === 0) return;
    const kind = strip === this.rowStrip ? "row" : "column";
    const key = `${kind}:${index}`;
    seen.add(key);
    let head = this.heads.get(key);
    if (!head) {
      const place = kind === "row" ? 1 : index + 2;
      head = el("div", { class: "head", role: `${kind}header`, "aria-colindex": place, dataset: { [kind]: index } }, el("span", { text: label }));
      this.heads.set(key, head);
      strip.append(kind === "row" ? this.headRow(index + 1, head) : head);
    }
    const start = axis.offset(index) - shift;
    const hidden = Math.max(clip - start, 0);
    head.style[edge] = `${start + hidden}px`;
    head.style[extent] = `${Math.max(size - hidden, 0)}px`;
    head.classList.toggle("before-hidden", index + 1 < axis.count && axis.size(index + 1) === 0);
    head.classList.toggle("after-hidden", index > 0 && axis.size(index - 1) === 0);
  }

  /** A row that holds one head and has no place of its own; row 0 is that of the column letters. */
  headRow(index, head) {
    return el("div", { class: "pass", role: "row", "aria-rowindex": index + 1 }, head);
  }

  removeHead(head) {
    (head.parentElement.classList.contains("pass") ? head.parentElement : head).remove();
  }

  askForCells({ visible, frozenColumns, frozenRows }) {
    const { tab } = this;
    const ahead = { ...visible, top: Math.max(visible.top - ROWS_AHEAD, 0), bottom: Math.min(visible.bottom + ROWS_AHEAD, tab.rowCount - 1) };
    clearTimeout(this.asking);
    const ask = () => {
      if (this.tab !== tab) return;
      tab.want(ahead);
      if (frozenColumns) tab.want({ ...ahead, left: 0, right: frozenColumns - 1 });
      if (frozenRows) tab.want({ ...ahead, top: 0, bottom: frozenRows - 1 });
      if (frozenRows && frozenColumns) tab.want({ top: 0, bottom: frozenRows - 1, left: 0, right: frozenColumns - 1 });
    };
    // While the view flies past rows, nothing is fetched: only where it rests, or every 80 ms.
    if (performance.now() - (this.askedAt ?? 0) > 80) {
      this.askedAt = performance.now();
      ask();
    } else this.asking = setTimeout(ask, 60);
  }

  /** Where a cell is on the stage (pixels), also when scrolled out. */
  rectOf({ top, left, bottom, right }) {
    const { tab, view } = this;
    const shiftX = left < view.frozenColumns ? 0 : view.x - view.frozenWidth;
    const shiftY = top < view.frozenRows ? 0 : view.y - view.frozenHeight;
    const [x, y] = [tab.columns.offset(left), tab.rows.offset(top)];
    return {
      left: this.headerWidth + x - shiftX, top: HEADER_HEIGHT + y - shiftY,
      width: tab.columns.offset(right + 1) - x, height: tab.rows.offset(bottom + 1) - y,
    };
  }

  /** What lies under a point of the screen: the area, the row and column, and whether the point is on a head's far edge. */
  hit(clientX, clientY) {
    const { tab, view } = this;
    const box = this.stage.getBoundingClientRect();
    const [x, y] = [clientX - box.left - this.headerWidth, clientY - box.top - HEADER_HEIGHT];
    const pixelX = x < view.frozenWidth ? x : x - view.frozenWidth + view.x;
    const pixelY = y < view.frozenHeight ? y : y - view.frozenHeight + view.y;
    const [row, column] = [tab.rows.indexAt(Math.max(pixelY, 0)), tab.columns.indexAt(Math.max(pixelX, 0))];
    const area = x < 0 && y < 0 ? "corner" : y < 0 ? "columns" : x < 0 ? "rows" : "cells";
    const after = { row: tab.rows.offset(row + 1) - pixelY, column: tab.columns.offset(column + 1) - pixelX };
    const middle = { row: pixelY > tab.rows.offset(row) + tab.rows.size(row) / 2, column: pixelX > tab.columns.offset(column) + tab.columns.size(column) / 2 };
    return { area, row, column, after, middle };
  }

  /** Scrolls as little as needed to show a cell. */
  reveal(row, column) {
    if (!this.view) this.draw();
    const { tab, scroller, view } = this;
    if (column >= view.frozenColumns) {
      const [start, room] = [tab.columns.offset(column), view.width - view.frozenWidth];
      const end = start + Math.min(tab.columns.size(column), room);
      if (start < view.x) scroller.scrollLeft = start - view.frozenWidth;
      else if (end > view.x + room) scroller.scrollLeft = end - room - view.frozenWidth;
    }
    if (row >= view.frozenRows) {
      const [start, room] = [tab.rows.offset(row), view.height - view.frozenHeight];
      const end = start + tab.rows.size(row);
      if (start < view.y) scroller.scrollTop = (start - view.frozenHeight) / view.scale;
      else if (end > view.y + room) scroller.scrollTop = (end - room - view.frozenHeight) / view.scale;
    }
    this.redraw();
  }
}
