/** What the page says to people: short messages at its foot, notes of cells beside them. */
import { api } from "./api.js";
import { byId, el, icon } from "./dom.js";

const INFO_MS = 5000;
const ERROR_MS = 10_000;

/** Lets the spreadsheet read the one that a cell asks for. */
export function allowImport(app, { row, column }) {
  byId("note").hidden = true;
  app.editor.focus();
  return api.allowImport(app.spreadsheetId, app.tab.sheetId, row, column).catch((error) => toast(error.message, "error"));
}

/** A message at the foot of the page; errors stay longer. */
export function toast(message, kind = "info") {
  const isError = kind === "error";
  const node = el("div", { class: `toast ${kind}`, role: isError ? "alert" : "status" }, icon(isError ? "error" : "check_circle"), el("span", { text: message }));
  byId("toasts").append(node);
  setTimeout(() => node.remove(), isError ? ERROR_MS : INFO_MS);
}

/**
 * Shows the note of the cell under the pointer, and what is wrong with its value; null where there is none. A cell that asks
 * for access to another spreadsheet gets a button that allows it.
 */
export function showNote(app, hit) {
  const cell = hit ? app.tab.cell(hit.row, hit.column) : null;
  const wrong = cell?.error || (cell?.invalid && `Invalid: ${cell.rule.message || "this does not fit the rule of the cell."}`);
  const said = hit ? app.panels.comments.at(hit.row, hit.column).map((one) => `${one.author.displayName ?? ""}: ${one.content}`) : [];
  const note = [wrong, cell?.note, ...said].filter(Boolean).join("\n\n");
  const bubble = byId("note");
  bubble.hidden = !note || app.editor.isOpen;
  if (bubble.hidden) return;
  const box = app.grid.rectOf({ top: hit.row, bottom: hit.row, left: hit.column, right: hit.column });
  const stage = app.grid.stage.getBoundingClientRect();
  const allow = cell.asks && el("button", { type: "button", class: "button primary", text: "Allow access", on: { click: () => allowImport(app, hit) } });
  bubble.replaceChildren(note, ...(allow ? [allow] : []));
  bubble.classList.toggle("asks", cell.asks);
  // The pointer must find its way onto the button without crossing another cell.
  bubble.style.left = `${Math.max(Math.min(stage.left + box.left + box.width + (cell.asks ? -2 : 6), innerWidth - bubble.offsetWidth - 8), 8)}px`;
  bubble.style.top = `${Math.min(stage.top + box.top, innerHeight - bubble.offsetHeight - 8)}px`;
}
