/**
 * What cells with a rule offer: a checkbox, a dropdown. Before protected cells that only warn, people are asked first.
 */
import { rectsMeet } from "./a1.js";
import { ask } from "./menu.js";

const QUIET_MS = 5 * 60_000;

/** The texts of a checkbox that is on and off; null where the cell shows none. */
export function checkboxOf(cell) {
  return cell?.rule?.checkbox && !cell.invalid ? cell.rule.checkbox : null;
}

/** Turns the checkbox of a cell; false where it has none. */
export function toggle(app, row, column) {
  const cell = app.tab.cell(row, column);
  const texts = checkboxOf(cell);
  if (!texts) return false;
  app.actions.typeText(row, column, cell.text === texts[0] ? texts[1] : texts[0]);
  return true;
}

/** Turns all checkboxes that are selected to what the active cell's becomes; false where it has none. */
export function toggleSelected(app) {
  const { tab, selection, clipboard } = app;
  const { row, column } = selection.active;
  const texts = checkboxOf(tab.cell(row, column));
  if (!texts) return false;
  const side = tab.cell(row, column).text === texts[0] ? 1 : 0;
  for (const { top, bottom, left, right } of tab.shownParts(clipboard.trimmed(selection.rect))) {
    for (let r = top; r <= bottom; r++) {
      for (let c = left; c <= right; c++) {
        const own = checkboxOf(tab.cell(r, c));
        if (own && tab.cell(r, c).text !== own[side]) app.actions.typeText(r, c, own[side]);
      }
    }
  }
  return true;
}

/** Opens the dropdown of a cell; false where it has none. */
export function openList(app, row, column) {
  const cell = app.tab.cell(row, column);
  if (!cell?.rule?.list) return false;
  const box = app.grid.rectOf({ top: row, bottom: row, left: column, right: column });
  const stage = app.grid.stage.getBoundingClientRect();
  const items = cell.rule.list.map((text) => ({
    label: text, icon: text === cell.text ? "check_circle" : "", run: () => app.actions.typeText(row, column, text),
  }));
  app.menu.open(stage.left + box.left, stage.top + box.top + box.height, items);
  return true;
}

/** A press on a checkbox or on the arrow of a dropdown; false where it was on neither. */
export function press(app, target, { row, column }) {
  if (target.closest?.(".filter-mark")) {
    app.selection.set({ row, column });
    return app.filters.open(row, column);
  }
  const onBox = target.closest?.(".has-box > span");
  if (!onBox && !target.closest?.(".list-arrow")) return false;
  app.selection.set({ row, column });
  return onBox ? toggle(app, row, column) : openList(app, row, column);
}

let quietUntil = 0;

/** Whether people want to edit these cells, where a protection warns of that. */
export async function mayEdit(tab, rect) {
  const warned = tab.properties.warned.some((area) => rectsMeet(area, rect) && !area.free.some((free) => holds(free, rect)));
  if (!warned || performance.now() < quietUntil) return true;
  const answer = await ask({
    title: "Heads up!", hint: "You\u2019re trying to edit part of this spreadsheet that shouldn\u2019t be changed accidentally. Edit anyway?",
    option: { label: "Don\u2019t show this again for 5 minutes", onChosen: () => { quietUntil = performance.now() + QUIET_MS; } },
  });
  return answer !== null;
}

function holds(outer, rect) {
  return outer.top <= rect.top && outer.bottom >= rect.bottom && outer.left <= rect.left && outer.right >= rect.right;
}
