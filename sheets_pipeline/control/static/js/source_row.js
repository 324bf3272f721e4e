/** A line per source; opened, its rows, its versions, and what changed between two of them. */
import { api } from "./api.js";
import { bars } from "./draw.js";
import { el, icon, onPress, setText } from "./dom.js";
import { ago, count, duration } from "./words.js";

export const STATES = {
  completed: { icon: "check_circle", word: "Read" },
  failed: { icon: "error", word: "Failed" },
  broken: { icon: "cancel", word: "Cannot be used" },
  held: { icon: "warning", word: "Held" },
  off: { icon: "do_not_disturb_on", word: "Off" },
  new: { icon: "pending", word: "Not read yet" },
  pending: { icon: "pending", word: "Waits" },
  processing: { icon: "sync", word: "Being read" },
};
const PAGE = 100;

const reasonOf = (source) => source.error ?? (source.held ? `Other columns (${source.held}) hold the new version back.` : source.not_told);

function until(time, now) {
  if (!time) return "never";
  const seconds = (new Date(time) - now) / 1000;
  return seconds <= 5 ? "now" : `in ${duration(Math.round(seconds))}`;
}

function chart(source) {
  const points = source.history.map((one) => ({ value: one.rows, kind: "full", outcome: "success", text: `${count(one.rows ?? 0, "row")}, ${one.at ? new Date(one.at).toLocaleString() : ""}` }));
  return el("span", { class: "versions" }, bars(points, `${count(points.length, "version")} of ${source.name}, by rows`));
}

/** What of a line changes as time passes. */
export function tick(row, now) {
  const source = row.source;
  setText(row.parts.change, ago(source.last_change, now));
  setText(row.parts.next, until(source.next_read, now));
}

function summary(source, parts) {
  const shown = STATES[source.state] ?? STATES.new;
  parts.change = el("span");
  parts.next = el("span");
  const why = reasonOf(source);
  return el("summary", {}, icon(shown.icon),
    el("span", { class: "name" }, el("b", { text: source.name, title: source.name }), el("span", { text: [source.id, ...source.tags].join(" · ") })),
    chart(source),
    el("span", { class: "number", text: source.rows === null ? "–" : count(source.rows, "row") }),
    el("span", { class: "when" }, parts.change, el("small", { text: "last change" })),
    el("span", { class: "when next" }, parts.next, el("small", { text: "next reading" })),
    el("span", { class: "badge" }, el("span", { text: shown.word })),
    why ? el("span", { class: "why", text: why }) : null);
}

const isNumber = (type) => type === "integer" || type === "decimal";

export function grid(label, columns, rows, make) {
  const head = el("thead", {}, el("tr", {}, ...columns.map((one) => el("th", { scope: "col" }, one.name, one.type ? el("small", { text: one.type }) : null))));
  return el("div", { class: "grid", tabindex: "0", role: "region", "aria-label": label }, el("table", {}, head, el("tbody", {}, ...rows.map(make))));
}

/** Rows of a version, a page at a time. */
function contents(source, versions) {
  const into = el("div", { class: "opened-part" });
  const choice = el("select", { class: "field", "aria-label": `Version of ${source.name}` }, ...versions.map((one) => el("option", { value: one.content_hash, text: `${one.number} · ${new Date(one.read_at).toLocaleString()} · ${count(one.rows, "row")}` })));
  const words = el("input", { class: "field", type: "search", maxlength: "200", placeholder: "Words in a row of the latest version" });
  const sum = el("p", { class: "sum", role: "status" });
  const shown = el("div");
  let offset = 0;
  const show = async (at) => {
    offset = at;
    const text = words.value.trim();
    try {
      const answer = text ? await api.searchSources(text, source.id) : await api.sourceRows(source.id, choice.value, offset || null, PAGE);
      const columns = answer.version?.columns ?? versions[0].columns;
      setText(sum, text ? `${count(answer.rows.length, "row")} found` : `Rows ${Math.min(offset + 1, answer.version.rows)}–${offset + answer.rows.length} of ${answer.version.rows.toLocaleString()}, hash ${answer.version.content_hash.slice(0, 12)}`);
      shown.replaceChildren(grid(`Rows of ${source.name}`, [{ name: "#" }, ...columns], answer.rows, (row) => el("tr", {}, el("td", { class: "row-number", text: row.number.toLocaleString() }), ...row.cells.map((cell, i) => el("td", { class: isNumber(columns[i]?.type) ? "number" : null, text: cell, title: cell.length > 40 ? cell : null })))));
      more.hidden = Boolean(text) || offset + answer.rows.length >= answer.version.rows;
      less.hidden = Boolean(text) || offset === 0;
    } catch (error) {
      setText(sum, error.message);
    }
  };
  const less = onPress(el("button", { type: "button", class: "button outline", hidden: true }, "Rows before"), () => show(Math.max(0, offset - PAGE)));
  const more = onPress(el("button", { type: "button", class: "button outline", hidden: true }, "More rows"), () => show(offset + PAGE));
  choice.addEventListener("change", () => { words.value = ""; show(0); });
  const form = el("form", { class: "chooser", role: "search", "aria-label": `Contents of ${source.name}`, on: { submit: (event) => { event.preventDefault(); show(0); } } },
    el("label", {}, el("span", { text: "Version" }), choice), el("label", {}, el("span", { text: "Search" }), words), el("button", { type: "submit", class: "button outline" }, "Search"), less, more);
  into.append(form, sum, shown);
  show(0);
  return into;
}

function changed(row, columns) {
  const by = new Map(row.changed.map((cell) => [cell.column, cell]));
  return row.cells.map((cell, i) => {
    const now = by.get(columns[i]?.name);
    return now ? el("td", {}, el("del", { text: now.before || "blank" }), " → ", el("ins", { text: now.after || "blank" })) : el("td", { text: cell });
  });
}

/** What changed between two versions. */
function differences(source, versions) {
  const option = (one) => el("option", { value: one.content_hash, text: `${one.number} · ${new Date(one.read_at).toLocaleString()}` });
  const before = el("select", { class: "field" }, ...versions.slice(1).map(option));
  const after = el("select", { class: "field" }, ...versions.map(option));
  const sum = el("p", { class: "sum", role: "status" });
  const shown = el("div");
  const show = async () => {
    try {
      const found = await api.sourceDiff(source.id, before.value, after.value);
      setText(sum, [`${found.inserted.toLocaleString()} inserted, ${found.changed.toLocaleString()} changed, ${found.deleted.toLocaleString()} deleted, ${found.unchanged.toLocaleString()} unchanged`, ...found.columns].join(" · "));
      const columns = found.after.columns;
      shown.replaceChildren(found.rows.length ? grid(`Changes of ${source.name}`, [{ name: "change" }, ...columns], found.rows, (row) => el("tr", { dataset: { kind: row.kind } }, el("td", { text: row.kind }), ...changed(row, columns))) : "");
    } catch (error) {
      setText(sum, error.message);
    }
  };
  const form = el("form", { class: "chooser", "aria-label": `Compare versions of ${source.name}`, on: { submit: (event) => { event.preventDefault(); show(); } } },
    el("label", {}, el("span", { text: "From version" }), before), el("label", {}, el("span", { text: "To version" }), after), el("button", { type: "submit", class: "button outline" }, "Compare"));
  return el("div", { class: "opened-part" }, form, sum, shown);
}

function facts(source) {
  const rows = [
    source.description && ["What it is", source.description],
    ["Declared in", source.declared_in],
    source.interval_seconds && ["Read every", duration(source.interval_seconds)],
    source.last_read && ["Last read", new Date(source.last_read).toLocaleString()],
    source.content_hash && ["Hash", source.content_hash.slice(0, 12)],
  ];
  return el("dl", { class: "facts" }, ...rows.filter(Boolean).map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", { text }))));
}

function opened(source, actions) {
  const part = el("div", { class: "opened" }, facts(source));
  if (source.notes.length) part.append(el("ul", { class: "notes" }, ...source.notes.map((text) => el("li", { text }))));
  const deeds = el("div", { class: "deeds" });
  if (source.held) deeds.append(onPress(el("button", { type: "button", class: "button primary" }, icon("check"), "Take the columns"), () => actions.accept(source)));
  if (source.state !== "broken") deeds.append(onPress(el("button", { type: "button", class: "button outline" }, icon("sync"), "Read now"), () => actions.process(source)));
  if (source.url) deeds.append(el("a", { class: "button outline", href: source.url, target: "_blank", rel: "noopener" }, icon("table_view"), "Spreadsheet"));
  part.append(deeds);
  api.sourceVersions(source.id).then(({ versions }) => {
    if (!versions.length) return;
    part.append(contents(source, versions));
    if (versions.length > 1) part.append(differences(source, versions));
  }).catch((error) => part.append(el("p", { class: "sum", text: error.message })));
  return part;
}

/** A line; what opens is made when it is opened, and stays while the line's version does. */
export function makeRow(source, actions, before) {
  const parts = {};
  const details = el("details", { open: before?.querySelector("details").open ?? false }, summary(source, parts));
  const kept = before?.source.content_hash === source.content_hash ? before?.querySelector(":scope > details > .opened") : null;
  if (kept) details.append(kept);
  const fill = () => { if (details.open && details.children.length === 1) details.append(opened(source, actions)); };
  details.addEventListener("toggle", fill);
  fill();
  const row = el("li", { dataset: { id: source.id, state: source.state } }, details);
  row.parts = parts;
  row.source = source;
  return row;
}
