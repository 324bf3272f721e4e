/** The fill handle: dragging the corner of the selection goes on with what stands in it; a double click, as far as the neighbours go. */
import { api } from "./api.js";

/** What is filled when the handle of `rect` is dragged to a cell: the area, and how many rows or columns (before it: negative); null for nothing. */
export function fillTo(rect, { row, column }) {
  const [down, right] = [row - rect.bottom, column - rect.right];
  const [up, left] = [rect.top - row, rect.left - column];
  const most = Math.max(down, up, right, left);
  if (most <= 0) return null;
  if (most === down) return { isRows: true, length: down, area: { ...rect, top: rect.bottom + 1, bottom: row } };
  if (most === up) return { isRows: true, length: -up, area: { ...rect, top: row, bottom: rect.top - 1 } };
  if (most === right) return { isRows: false, length: right, area: { ...rect, left: rect.right + 1, right: column } };
  return { isRows: false, length: -left, area: { ...rect, left: column, right: rect.left - 1 } };
}

export class FillHandle {
  constructor(app) {
    this.app = app;
  }

  /** Follows the pointer through `track` of the mouse. */
  start(event, track) {
    const { selection, grid } = this.app;
    const { rect } = selection;
    let fill = null;
    const show = (area) => {
      selection.filling = area;
      selection.draw();
    };
    track(event, (next) => {
      fill = fillTo(rect, grid.hit(next.clientX, next.clientY));
      show(fill?.area ?? null);
    }, (next, finished) => {
      show(null);
      if (finished && fill) this.fill(rect, fill);
    });
  }

  fill(rect, fill) {
    const { actions, selection } = this.app;
    const { area } = fill;
    actions.autoFill(rect, fill);
    selection.set({ row: Math.min(rect.top, area.top), column: Math.min(rect.left, area.left) }, { row: Math.max(rect.bottom, area.bottom), column: Math.max(rect.right, area.right) });
  }

  /** Down to the last row of the filled cells beside the selection: on its left, else on its right. */
  async fillBeside() {
    const { app } = this;
    const { rect } = app.selection;
    for (const column of [rect.left - 1, rect.right + 1]) {
      if (column < 0 || column >= app.tab.columnCount) continue;
      const runs = await api.filled(app.spreadsheetId, app.tab.sheetId, { column });
      const run = runs.find(([first, end]) => first <= rect.bottom && end > rect.bottom + 1);
      if (run) return this.fill(rect, fillTo(rect, { row: run[1] - 1, column: rect.left }));
    }
    return null;
  }
}
