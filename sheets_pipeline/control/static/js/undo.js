/** Taking edits back: first what would change and what came later, then the deed. */
import { api } from "./api.js";
import { byId, el, icon, setText, setUsable } from "./dom.js";
import { change, placeOf, value, whoOf } from "./edit_row.js";
import { count } from "./words.js";

const SIGNS = { changes: "check", nothing: "remove", kept: "block", unknown: "help" };
const WORDS = { nothing: "holds that already", kept: "changed since, stays", unknown: "its row was not found or not looked at" };
const SHOWN = 200;

let asked = null;
let latest = 0;

/** A moment as the field shows it, in the browser's own time. */
export function local(moment) {
  return new Date(moment - new Date(moment).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function cell(one) {
  const later = one.later.map((edit) => `${whoOf(edit)} typed “${edit.shown.typed}” later`).join("; ");
  const what = one.outcome === "changes" ? change(one.now, one.then) : el("span", {}, value(one.now), ` ${one.reason ? `stays: ${one.reason}` : WORDS[one.outcome]}`);
  return el("li", { dataset: { outcome: one.outcome } }, icon(SIGNS[one.outcome]), el("span", { class: "place-of", text: placeOf(one), title: placeOf(one) }), what, later ? el("span", { class: "later", text: later }) : null);
}

function summed(preview) {
  const of = (outcome) => preview.cells.filter((one) => one.outcome === outcome).length;
  const rows = preview.cells.filter((one) => one.outcome === "changes" && one.column === "(row)").length;
  const parts = rows ? [`${count(rows, "row")} would come or go`] : [];
  if (!rows || of("changes") > rows) parts.push(`${count(of("changes") - rows, "cell")} would change`);
  if (of("kept")) parts.push(`${of("kept")} changed since and stay`);
  if (of("nothing")) parts.push(`${of("nothing")} hold that value already`);
  if (of("unknown")) parts.push(`${of("unknown")} cannot be told`);
  return `${parts.join(", ")}.`;
}

async function look() {
  const mine = (latest += 1);
  const dialog = byId("undo-dialog");
  setUsable(byId("undo-do"), false);
  const { editor, since, until } = asked;
  if ("editor" in asked && !(editor && since && until)) { setText(byId("undo-sum"), "Name a person and a time."); byId("undo-cells").replaceChildren(); return; }
  setText(byId("undo-sum"), "Looking …");
  let text;
  let cells = [];
  try {
    const preview = await api.undo({ ...asked, dry_run: true });
    text = summed(preview);
    cells = preview.cells;
  } catch (error) {
    text = error.message;
  }
  if (mine !== latest || !dialog.open) return;
  setText(byId("undo-sum"), cells.length > SHOWN ? `${text} The first ${SHOWN} are shown.` : text);
  byId("undo-cells").replaceChildren(...cells.slice(0, SHOWN).map(cell));
  setUsable(byId("undo-do"), cells.some((one) => ["changes", "unknown"].includes(one.outcome)));
}

function readFields() {
  const moment = (id) => (byId(id).value ? new Date(byId(id).value).toISOString() : null);
  asked = { editor: byId("undo-editor").value.trim() || null, since: moment("undo-since"), until: moment("undo-until") };
  look();
}

/** Opens the dialog; `what` is what the API is asked for, `perform` does it once people have seen the preview. */
export function askUndo(what, words, perform) {
  asked = what;
  const isTime = "editor" in what;
  byId("undo-who").hidden = !isTime;
  setText(byId("undo-title"), `Take back ${words}?`);
  if (isTime) {
    byId("undo-editor").value = what.editor ?? "";
    byId("undo-since").value = what.since ? local(Date.parse(what.since)) : "";
    byId("undo-until").value = what.until ? local(Date.parse(what.until)) : "";
  }
  byId("undo-cells").replaceChildren();
  byId("undo-dialog").showModal();
  byId("undo-form").onsubmit = (event) => {
    if (byId("undo-do").getAttribute("aria-disabled") === "true") event.preventDefault();
    else perform(asked);
  };
  if (isTime) readFields(); else look();
}

for (const id of ["undo-editor", "undo-since", "undo-until"]) byId(id).addEventListener("change", readFields);
byId("undo-cancel").addEventListener("click", () => byId("undo-dialog").close());
