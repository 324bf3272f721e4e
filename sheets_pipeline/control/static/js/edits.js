/** Keeps the page of edits as the ledger is: asks every two seconds, shows more on demand, decides when buttons are pressed. */
import { api } from "./api.js";
import { byId, el, onPress, setText } from "./dom.js";
import { makeRow, placeOf, STATES } from "./edit_row.js";
import { askToken, showConnection, toast } from "./shell.js";
import { askUndo } from "./undo.js";
import { count, SIGNS } from "./words.js";

const EVERY_MS = 2000;
const PAGE = 50;
const NAME = "sheets-pipeline-name";
/** Chips: the word, and the state that is looked for. */
const CHIPS = [["", "All"], ["conflict", "Conflicts"], ["awaiting", "Need a person"], ["rejected", "Rejected"], ["dead", "Failed"], ["new", "Waiting"], ["applied", "Applied"], ["undone", "Taken back"]];

let state = "";
let batch = null;
let edits = new Map();
let next = null;
/** Filters that `edits` was asked with; others begin a new list. */
let signature = "";
let seen = null;
let wake = () => {};

function filters() {
  const range = byId("find-time").value;
  const moment = (id) => (byId(id).value ? new Date(byId(id).value).toISOString() : null);
  const since = range === "between" ? moment("find-since") : range ? new Date(Math.floor(Date.now() / 60_000) * 60_000 - Number(range) * 1000).toISOString() : null;
  return { state, batch, tab: byId("find-tab").value, editor: byId("find-editor").value.trim(), since, until: range === "between" ? moment("find-until") : null };
}

const chips = new Map(CHIPS.map(([name, word]) => {
  const number = el("b");
  const chip = onPress(el("button", { type: "button", class: "chip", "aria-pressed": "false" }, word, number), () => { state = name; changed(); });
  return [name, { chip, number }];
}));
byId("states").append(...[...chips.values()].map((one) => one.chip));

function showChips(waiting) {
  for (const [name, { chip, number }] of chips) {
    chip.setAttribute("aria-pressed", String(name === state));
    number.hidden = !waiting[name];
    setText(number, waiting[name] ? waiting[name].toLocaleString() : "");
  }
}

/** How edits were found in the last day. */
function found({ found_by: by, webhook_is_silent: isSilent }) {
  if (!by.webhook && !by.read) return "";
  const silent = isSilent ? " The Apps Script tells of none: run its test()." : "";
  return ` Found in the last day: ${by.webhook.toLocaleString()} by the Apps Script, ${by.read.toLocaleString()} by reading.${silent}`;
}

function verdict({ enabled, waiting }) {
  if (!enabled) return ["stopped", "Edits are off", "What people type into editable columns is put back by full syncs. EDITS_ENABLED=true lets it change the database."];
  const waits = waiting.conflict + waiting.awaiting;
  const parts = [waiting.conflict && count(waiting.conflict, "conflict"), waiting.awaiting && `${count(waiting.awaiting, "edit")} above a tab's limit`].filter(Boolean);
  if (waiting.dead) return ["degraded", `${count(waiting.dead, "edit")} could not be applied`, "They failed five times. Open one to see why, and try again once that is mended."];
  if (waits) return ["warning", waits === 1 ? "One edit waits for you" : `${waits.toLocaleString()} edits wait for you`, `${parts.join(" and ")}. Take what was typed, or keep what the database holds.`];
  return ["healthy", "No edit waits for you", waiting.new ? `${count(waiting.new, "edit")} on the way into the database.` : "What people type is in the database, or stands below with the reason why not."];
}

function showVerdict(answer) {
  const [health, title, reason] = verdict(answer);
  byId("verdict").dataset.health = health;
  setText(byId("verdict-icon"), SIGNS[health]);
  setText(byId("verdict-title"), title);
  setText(byId("verdict-reason"), reason + found(answer));
  document.title = `${title} · Edits`;
}

function showList() {
  const list = byId("edits");
  const there = new Map([...list.children].map((row) => [Number(row.dataset.id), row]));
  const rows = [...edits.values()].sort((a, b) => b.id - a.id).map((edit) => {
    const text = JSON.stringify(edit);
    const row = there.get(edit.id);
    if (row?.shown === text) return row;
    const made = makeRow(edit, actions, row?.querySelector("details").open ?? false, seen !== null && !seen.has(edit.id));
    made.shown = text;
    return made;
  });
  const focused = document.activeElement?.closest?.("#edits li")?.dataset.id;
  if (rows.length !== list.children.length || rows.some((row, i) => list.children[i] !== row)) {
    list.replaceChildren(...rows);
    if (focused) list.querySelector(`li[data-id="${focused}"] summary`)?.focus();
  }
  seen = new Set([...(seen ?? []), ...edits.keys()]);
  byId("edits-empty").hidden = rows.length > 0;
  setText(byId("edits-empty"), Object.values(filters()).some(Boolean) ? "No edit is like that." : "Nobody has typed into an editable column yet.");
  byId("edits-more").hidden = next === null;
  const people = [...new Set([...edits.values()].map((edit) => edit.editor).filter(Boolean))].sort();
  byId("people").replaceChildren(...people.map((person) => el("option", { value: person })));
}

function show(answer, asked, isMore) {
  if (asked !== signature) { edits = new Map(); seen = null; signature = asked; next = undefined; }
  if (isMore || next === undefined || edits.size <= PAGE) next = answer.next;
  const there = new Set(answer.edits.map((edit) => edit.id));
  // What the newest page covers and does not hold is not like that any more.
  if (!isMore) for (const id of edits.keys()) if (id >= (answer.next ?? 0) && !there.has(id)) edits.delete(id);
  for (const edit of answer.edits) edits.set(edit.id, edit);
  showVerdict(answer);
  showChips(answer.waiting);
  showList();
}

/** The newest page again, or, given a number, the page of those before it. */
async function load(before = null) {
  const chosen = filters();
  const asked = JSON.stringify({ ...chosen, since: byId("find-time").value === "between" ? chosen.since : byId("find-time").value });
  const answer = await api.edits({ ...chosen, limit: PAGE, before });
  if (JSON.stringify({ ...filters(), since: 0 }) === JSON.stringify({ ...chosen, since: 0 })) show(answer, asked, before !== null);
}

async function refresh() {
  try {
    await load();
    showConnection("live", "Live");
  } catch (error) {
    if (error.status === 401) await askToken(() => wake());
    else if (error.status === undefined) throw error;
    else if (error.status === 422) toast(error.message, "error");
    else {
      showConnection("lost", "No connection");
      byId("verdict").dataset.health = "unknown";
      setText(byId("verdict-icon"), SIGNS.unknown);
      setText(byId("verdict-title"), "No news of edits");
      setText(byId("verdict-reason"), `${error.message} Trying again every two seconds.`);
    }
  }
}

async function keepFresh() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => { wake = resolve; setTimeout(resolve, EVERY_MS); });
  }
}

function changed() {
  for (const label of document.querySelectorAll("#finders .between")) label.hidden = byId("find-time").value !== "between";
  byId("find-batch").hidden = batch === null;
  showChips(Object.fromEntries([...chips].map(([name, { number }]) => [name, Number(number.textContent.replace(/\D/g, ""))])));
  wake();
}

/** Who decides, asked once; null where people think better of it. */
function askName() {
  const known = sessionStorage.getItem(NAME);
  if (known) return Promise.resolve(known);
  const dialog = byId("name-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    let given = null;
    byId("name-form").onsubmit = () => { given = byId("name").value.trim() || null; };
    dialog.onclose = () => { if (given) sessionStorage.setItem(NAME, given); resolve(given); };
  });
}

/** Does one thing in somebody's name, says so, and shows the outcome at once. */
async function act(doing, said) {
  const name = await askName();
  if (name === null) return;
  try {
    const answer = await doing(name);
    for (const edit of answer.edits ?? []) if (edits.has(edit.id)) edits.set(edit.id, edit);
    toast(said(answer));
  } catch (error) {
    toast(error.message, "error");
  } finally {
    wake();
  }
}

const became = ([edit]) => `${placeOf(edit)}: ${STATES[edit.state].word.toLowerCase()}.`;
const batchBecame = ({ edits: all }) => `${count(all.length, "edit")} of the batch: ${[...new Set(all.map((edit) => STATES[edit.state].word.toLowerCase()))].join(", ")}.`;
const takenBack = ({ states }) => `${count((states.applied ?? 0) + (states.same ?? 0), "cell")} taken back${states.conflict ? `, ${states.conflict} changed since and kept` : ""}.`;

/** Everything that was loaded may have changed: begin anew. */
const undo = (asked) => act((by) => api.undo({ ...asked, by }), (answer) => { signature = ""; return takenBack(answer); });

const actions = {
  decide: (edit, decision) => act((by) => api.decide(edit.id, decision, by), (answer) => became(answer.edits)),
  decideBatch: (edit, decision) => act((by) => api.decideBatch(edit.batch, decision, by), batchBecame),
  undo: (asked, words) => askUndo(asked, words, undo),
  undoHour: (editor, at) => askUndo({ editor, since: new Date(Date.parse(at) - 1_800_000).toISOString(), until: new Date(Date.parse(at) + 1_800_000).toISOString() }, "a person's edits", undo),
  only: ({ batch: one, editor }) => { if (one) batch = one; if (editor) byId("find-editor").value = editor; changed(); },
};

async function exportCsv() {
  try {
    const link = el("a", { href: URL.createObjectURL(await api.editsAsCsv(filters())), download: "edits.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    toast(error.message, "error");
  }
}

async function offerTabs() {
  try {
    const { tabs } = await api.status();
    byId("find-tab").append(...Object.values(tabs).map(({ title }) => el("option", { value: title, text: title })));
  } catch {
    setTimeout(offerTabs, EVERY_MS);
  }
}

onPress(byId("export"), exportCsv);
onPress(byId("hour"), () => askUndo({ editor: byId("find-editor").value.trim() || null, since: new Date(Date.now() - 3_600_000).toISOString(), until: new Date(Date.now() + 60_000).toISOString() }, "a person's edits", undo));
onPress(byId("edits-more"), () => load(next).catch((error) => toast(error.message, "error")));
onPress(byId("find-batch"), () => { batch = null; changed(); });
byId("name-cancel").addEventListener("click", () => byId("name-dialog").close());
byId("finders").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["find-tab", "find-editor", "find-time", "find-since", "find-until"]) byId(id).addEventListener("change", changed);
document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
changed();
offerTabs();
keepFresh();
