/**
 * One of the grid's four fields (frozen corner, frozen rows, frozen columns, the rest): draws the cells that can be
 * seen, keeps the elements of those still seen, and drops the others.
 */
import { el } from "./dom.js";
import { alignmentOf, applyStyle } from "./cell_style.js";
import { checkboxOf } from "./rules.js";
import { EMPTY } from "./tab.js";

const HIGHLIGHT_MS = 2000;
/** Beyond this many pixels browsers round coordinates, so elements are placed from a nearer origin. */
const ORIGIN_STEP = 1_000_000;

export class Pane {
  /** @param {object} marks filterAt(tab, row, column) and hasComment(tab, row, column) */
  constructor(name, marks) {
    this.marks = marks;
    this.layer = el("div", { class: "layer" });
    this.overlay = el("div", { class: "overlay" });
    this.node = el("div", { class: `pane pane-${name}` }, this.layer);
    this.layer.append(this.overlay);
    this.nodes = new Map();
    this.rows = new Map();
    this.origin = 0;
  }

  clear() {
    for (const row of this.rows.values()) row.remove();
    this.nodes.clear();
    this.rows.clear();
  }

  /** Puts the pane at its place and scrolls its content to (x, y) of the tab's own pixels. */
  place({ left, top, width, height, x, y }) {
    const style = this.node.style;
    [style.left, style.top, style.width, style.height] = [left, top, Math.max(width, 0), Math.max(height, 0)].map((value) => `${value}px`);
    const origin = Math.floor(y / ORIGIN_STEP) * ORIGIN_STEP;
    if (origin !== this.origin) this.clear();
    this.origin = origin;
    this.layer.style.transform = `translate(${-x}px, ${origin - y}px)`;
  }

  /** Draws rows and columns `rect` of the tab (last ones included). */
  draw(tab, rect) {
    const seen = new Set();
    if (rect) {
      const covered = this.drawMerges(tab, rect, seen);
      for (let row = rect.top; row <= rect.bottom; row++) {
        if (tab.rows.size(row) === 0) continue;
        for (let column = rect.left; column <= rect.right; column++) {
          if (tab.columns.size(column) === 0 || covered(row, column)) continue;
          this.drawCell(tab, row, column, row, column, seen);
        }
      }
    }
    for (const [key, node] of this.nodes) {
      if (seen.has(key)) continue;
      node.remove();
      this.nodes.delete(key);
    }
    for (const [index, row] of this.rows) {
      if (row.firstChild) continue;
      row.remove();
      this.rows.delete(index);
    }
  }

  /** The row that holds the cells of a tab's row in this pane; it has no place of its own, only cells have. */
  rowOf(index) {
    let row = this.rows.get(index);
    if (!row) {
      row = el("div", { class: "pass", role: "row", "aria-rowindex": index + 2 });
      this.rows.set(index, row);
      this.layer.append(row);
    }
    return row;
  }

  /** Draws merged cells; gives a test for the cells they cover. */
  drawMerges(tab, rect, seen) {
    const merges = tab.properties.merges.filter((merge) => merge.top <= rect.bottom && merge.bottom >= rect.top && merge.left <= rect.right && merge.right >= rect.left);
    for (const merge of merges) this.drawCell(tab, merge.top, merge.left, merge.bottom, merge.right, seen);
    return (row, column) => merges.some((merge) => row >= merge.top && row <= merge.bottom && column >= merge.left && column <= merge.right);
  }

  drawCell(tab, row, column, lastRow, lastColumn, seen) {
    const key = `${row}:${column}`;
    seen.add(key);
    const cell = tab.cell(row, column);
    let node = this.nodes.get(key);
    if (!node) {
      node = el("div", { class: "cell", role: "gridcell", "aria-colindex": column + 2, dataset: { row, column } }, el("span"));
      this.nodes.set(key, node);
      this.rowOf(row).append(node);
    }
    const changedAt = tab.changed.get(key);
    if (changedAt !== undefined) this.highlight(node, tab, key, changedAt);
    if (node.version === tab.version) return;
    node.version = tab.version;
    const left = tab.columns.offset(column);
    const top = tab.rows.offset(row);
    node.style.left = `${left}px`;
    node.style.top = `${top - this.origin}px`;
    node.style.width = `${tab.columns.offset(lastColumn + 1) - left}px`;
    node.style.height = `${tab.rows.offset(lastRow + 1) - top}px`;
    if (node.cell !== cell) this.fill(node, cell);
    this.showMarks(node, tab, row, column);
    this.overflow(node, tab, row, column, lastColumn);
  }

  /** The funnel in a filter's header, the corner of a cell with comments. */
  showMarks(node, tab, row, column) {
    const funnel = this.marks.filterAt(tab, row, column);
    let mark = node.querySelector(".filter-mark");
    if (!funnel) mark?.remove();
    else if (!mark) node.append(mark = el("i", { class: "filter-mark icon", "aria-hidden": "true", dataset: { opensMenu: "" } }));
    if (funnel && mark.dataset.state !== funnel) {
      mark.dataset.state = funnel;
      mark.textContent = funnel === "on" ? "filter_alt" : "filter_list";
    }
    node.classList.toggle("has-comment", this.marks.hasComment(tab, row, column));
  }

  fill(node, cell) {
    node.cell = cell;
    node.classList.toggle("loading", cell === undefined);
    node.firstChild.textContent = cell?.text ?? "";
    applyStyle(node, cell ?? EMPTY);
    this.showRule(node, cell ?? EMPTY);
  }

  /** A checkbox, the arrow of a dropdown, the mark of a value that does not fit. */
  showRule(node, cell) {
    const box = checkboxOf(cell);
    node.classList.toggle("has-box", box !== null);
    node.classList.toggle("checked", box !== null && cell.text === box[0]);
    node.classList.toggle("is-invalid", cell.invalid);
    const arrow = node.querySelector(".list-arrow");
    if (!cell.rule?.list) arrow?.remove();
    else if (!arrow) node.append(el("i", { class: "list-arrow", "aria-hidden": "true", dataset: { opensMenu: "" } }));
  }

  /** Long text runs on over empty neighbours, as people expect. */
  overflow(node, tab, row, column, lastColumn) {
    const { cell } = node;
    const runs = cell?.type === "text" && !cell.format.wrap && !cell.rule?.list && alignmentOf(cell) === "start" && column === lastColumn && cell.text.length > 4;
    let last = column;
    if (runs) while (last < tab.columnCount - 1 && last - column < 12 && tab.cell(row, last + 1)?.text === "") last += 1;
    node.classList.toggle("overflows", last > column);
    node.firstChild.style.maxWidth = last > column ? `${tab.columns.offset(last + 1) - tab.columns.offset(column) - 1}px` : "";
  }

  highlight(node, tab, key, changedAt) {
    tab.changed.delete(key);
    if (performance.now() - changedAt > HIGHLIGHT_MS) return;
    node.dataset.changed = String((Number(node.dataset.changed) || 0) + 1);
    node.classList.add("changed");
    clearTimeout(node.calm);
    node.calm = setTimeout(() => node.classList.remove("changed"), HIGHLIGHT_MS);
  }
}
