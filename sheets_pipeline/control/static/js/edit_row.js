/** A line per edit: who typed what where and what became of it; opened, both sides and what can be done about it. */
import { api } from "./api.js";
import { el, icon, onPress, setText } from "./dom.js";

export const STATES = {
  new: { icon: "pending", word: "Waits" },
  awaiting: { icon: "hourglass_top", word: "Needs a person" },
  conflict: { icon: "warning", word: "Conflict" },
  rejected: { icon: "block", word: "Rejected" },
  dead: { icon: "error", word: "Failed" },
  applied: { icon: "check", word: "Applied" },
  same: { icon: "check", word: "Nothing to do" },
  undone: { icon: "history", word: "Taken back" },
  superseded: { icon: "remove", word: "Typed over" },
};
const WAYS = { webhook: "the Apps Script", read: "reading the tab", undo: "an undo" };

/** A value of a cell; blank says so, as an empty text cannot be seen. */
export function value(text, props = {}) {
  return text === "" ? el("span", { ...props, class: `${props.class ?? ""} blank`, text: "blank" }) : el("span", { ...props, text });
}

export const keyOf = (edit) => (Array.isArray(edit.key) ? edit.key.join(" / ") : String(edit.key));
export const placeOf = (edit) => `${edit.tab} · ${keyOf(edit)} · ${edit.column}`;
export const whoOf = (edit) => edit.editor ?? "somebody";
/** What stood there before: as the tab showed it, else as the database held it. */
const before = (edit) => (edit.base === null && edit.database !== null ? edit.shown.database : edit.shown.base);

export function change(was, is) {
  return el("span", { class: "change" }, value(was, { class: "was", title: was }), el("span", { class: "to", "aria-label": "to", text: "→" }), value(is, { class: "is", title: is }));
}

export function time(text, props = {}) {
  const at = new Date(text);
  const isToday = at.toDateString() === new Date().toDateString();
  const clock = at.toLocaleTimeString(undefined, { hour12: false });
  return el("time", { ...props, datetime: at.toISOString(), title: at.toLocaleString(), text: isToday ? clock : `${at.toLocaleDateString(undefined, { day: "numeric", month: "short" })} ${clock.slice(0, 5)}` });
}

function summary(edit) {
  const shown = STATES[edit.state];
  return el("summary", {}, icon(shown.icon), time(edit.seen_at), el("span", { class: "who", text: whoOf(edit), title: whoOf(edit) }),
    el("span", { class: "place-of", title: placeOf(edit) }, el("b", { text: edit.tab }), el("span", { text: ` · ${keyOf(edit)} · ${edit.column}` })),
    change(before(edit), edit.shown.typed),
    el("span", { class: "badge" }, el("span", { text: shown.word })),
    edit.reason ? el("span", { class: "why", text: edit.reason, title: edit.reason }) : null);
}

function side(title, text, button) {
  return el("section", { class: "side" }, el("h3", { text: title }), el("p", {}, value(text)), button);
}

function button(kind, sign, text, handler) {
  return onPress(el("button", { type: "button", class: `button ${kind}` }, icon(sign), text), handler);
}

const CHOICES = {
  conflict: ["Take the sheet's", "Keep the database's"],
  awaiting: ["Accept it", "Refuse it"],
  dead: ["Try again", "Give it up"],
  rejected: ["Put it in after all", null],
};

function sides(edit, actions) {
  const [take, keep] = CHOICES[edit.state] ?? [null, null];
  const held = edit.state === "awaiting" || edit.state === "new" ? before(edit) : edit.shown.database;
  const kept = edit.state === "applied" || edit.state === "undone" ? side("The database made of it", edit.shown.stored) : side("The database held", held, keep && button("outline", "check", keep, () => actions.decide(edit, "reject")));
  return el("div", { class: "sides" }, side(`${whoOf(edit)} typed`, edit.shown.typed, take && button("primary", "check", take, () => actions.decide(edit, "accept"))), kept);
}

function facts(edit) {
  const rows = [
    ["Stood there before", before(edit) || "blank"],
    ["Found by", WAYS[edit.seen_by] ?? edit.seen_by],
    ["Number", String(edit.id)],
    edit.decided_by && ["Decided by", edit.decided_by],
    edit.undoes && ["Takes back", `edit ${edit.undoes}`],
    edit.reason && ["Why", edit.reason],
  ];
  return el("dl", { class: "facts" }, ...rows.filter(Boolean).map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", { text }))));
}

function deeds(edit, actions) {
  const made = [];
  if (edit.state === "applied") made.push(button("outline", "history", "Undo this edit", () => actions.undo({ ids: [edit.id] }, "this edit")));
  if (edit.state === "applied") made.push(button("outline", "history", "Undo its batch", () => actions.undo({ batch: edit.batch }, "the batch")));
  if (edit.editor) made.push(button("outline", "history", "Undo an hour of theirs", () => actions.undoHour(edit.editor, edit.seen_at)));
  if (edit.state === "awaiting") made.push(button("outline", "check", "Accept the batch", () => actions.decideBatch(edit, "accept")), button("outline", "block", "Refuse the batch", () => actions.decideBatch(edit, "reject")));
  made.push(button("quiet", "table_view", "Only this batch", () => actions.only({ batch: edit.batch })));
  if (edit.editor) made.push(button("quiet", "people", "Only this person", () => actions.only({ editor: edit.editor })));
  return el("div", { class: "deeds" }, ...made);
}

/** The other edits of the cell, asked for when a line is opened. */
async function history(edit, into) {
  const { cell } = await api.edit(edit.id);
  into.replaceChildren(...cell.filter((one) => one.id !== edit.id).map((one) =>
    el("div", {}, time(one.seen_at), el("span", { text: whoOf(one) }), value(one.shown.typed), el("span", { class: "state", text: STATES[one.state].word.toLowerCase() }))));
  into.previousSibling.hidden = !into.children.length;
}

function opened(edit, actions) {
  const others = el("div", { class: "cell-history" });
  history(edit, others).catch((error) => setText(others, error.message));
  return el("div", { class: "opened" }, sides(edit, actions), facts(edit), el("b", { text: "Other edits of this cell", hidden: true }), others, deeds(edit, actions));
}

/** A line; what opens is made when it is opened. */
export function makeRow(edit, actions, isOpen, isNew) {
  const details = el("details", { open: isOpen }, summary(edit));
  const fill = () => { if (details.open && details.children.length === 1) details.append(opened(edit, actions)); };
  details.addEventListener("toggle", fill);
  fill();
  return el("li", { class: isNew ? "new" : null, dataset: { id: edit.id, state: edit.state } }, details);
}
