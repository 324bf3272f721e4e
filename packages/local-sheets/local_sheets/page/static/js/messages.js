/** What the page says to people: short messages at its foot, notes of cells beside them. */
import { byId, el, icon } from "./dom.js";

const INFO_MS = 5000;
const ERROR_MS = 10_000;

/** A message at the foot of the page; errors stay longer. */
export function toast(message, kind = "info") {
  const isError = kind === "error";
  const node = el("div", { class: `toast ${kind}`, role: isError ? "alert" : "status" }, icon(isError ? "error" : "check_circle"), el("span", { text: message }));
  byId("toasts").append(node);
  setTimeout(() => node.remove(), isError ? ERROR_MS : INFO_MS);
}

/** Shows the note of the cell under the pointer, and what is wrong with its value; null where there is none. */
export function showNote(app, hit) {
  const cell = hit ? app.tab.cell(hit.row, hit.column) : null;
  const wrong = cell?.invalid && `Invalid: ${cell.rule.message || "this does not fit the rule of the cell."}`;
  const said = hit ? app.panels.comments.at(hit.row, hit.column).map((one) => `${one.author.displayName ?? ""}: ${one.content}`) : [];
  const note = [wrong, cell?.note, ...said].filter(Boolean).join("\n\n");
  const bubble = byId("note");
  bubble.hidden = !note || app.editor.isOpen;
  if (bubble.hidden) return;
  const box = app.grid.rectOf({ top: hit.row, bottom: hit.row, left: hit.column, right: hit.column });
  const stage = app.grid.stage.getBoundingClientRect();
  bubble.textContent = note;
  bubble.style.left = `${Math.max(Math.min(stage.left + box.left + box.width + 6, innerWidth - bubble.offsetWidth - 8), 8)}px`;
  bubble.style.top = `${Math.min(stage.top + box.top, innerHeight - bubble.offsetHeight - 8)}px`;
}
