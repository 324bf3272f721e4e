/** Keeps the page of sources as they are: asks every three seconds, searches contents and asks for readings when buttons are pressed. */
import { api } from "./api.js";
import { byId, el, onPress, setText, setUsable } from "./dom.js";
import { askToken, showConnection, toast } from "./shell.js";
import { grid, makeRow, tick } from "./source_row.js";
import { count, SIGNS } from "./words.js";

const EVERY_MS = 3000;
const CHIPS = [["", "All"], ["failed", "Failed"], ["broken", "Cannot be used"], ["held", "Held"], ["processing", "Being read"], ["off", "Off"]];

let state = "";
let sources = [];
let staleCode = null;
let wake = () => {};

const chips = new Map(CHIPS.map(([name, word]) => {
  const number = el("b");
  const chip = onPress(el("button", { type: "button", class: "chip", "aria-pressed": "false" }, word, number), () => { state = name; showList(); });
  return [name, { chip, number }];
}));
byId("states").append(...[...chips.values()].map((one) => one.chip));

function showChips() {
  for (const [name, { chip, number }] of chips) {
    const many = sources.filter((one) => !name || one.state === name).length;
    chip.setAttribute("aria-pressed", String(name === state));
    chip.hidden = Boolean(name) && !many && name !== state;
    setText(number, many.toLocaleString());
  }
}

function verdict() {
  const those = (...states) => sources.filter((one) => states.includes(one.state));
  const wrong = those("failed", "broken");
  if (wrong.length) return ["degraded", `${count(wrong.length, "source")} could not be read`, `${wrong.slice(0, 3).map((one) => one.name).join(", ")}. Open one to see why and what to do.`];
  if (staleCode) return ["warning", "Dagster has not loaded all that is declared", staleCode];
  if (!sources.length) return ["stopped", "No source is declared", "Write one into sources/ of the project: an id, and the address of a spreadsheet."];
  const held = those("held");
  if (held.length) return ["warning", `${count(held.length, "source")} held back`, "Their columns are not those of the version before."];
  const rows = sources.reduce((sum, one) => sum + (one.rows ?? 0), 0);
  const fresh = those("new").length;
  return ["healthy", "All sources are read", `${count(sources.length, "source")} with ${count(rows, "row")}${fresh ? `, ${fresh} of them not read yet` : ""}.`];
}

function showVerdict() {
  const [health, title, reason] = verdict();
  byId("verdict").dataset.health = health;
  setText(byId("verdict-icon"), SIGNS[health]);
  setText(byId("verdict-title"), title);
  setText(byId("verdict-reason"), reason);
  setUsable(byId("process-all"), sources.length > 0);
  document.title = `${title} · Sources`;
}

function wanted() {
  const text = byId("find-name").value.trim().toLowerCase();
  return sources.filter((one) => (!state || one.state === state) && [one.id, one.name, ...one.tags].some((word) => word.toLowerCase().includes(text)));
}

function showList() {
  showChips();
  const list = byId("sources");
  const there = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const now = new Date();
  const rows = wanted().map((source) => {
    const text = JSON.stringify({ ...source, last_read: null, next_read: null, task_id: null });
    const before = there.get(source.id);
    const row = before?.shown === text ? before : makeRow(source, actions, before);
    row.shown = text;
    row.source = source;
    tick(row, now);
    return row;
  });
  const focused = document.activeElement?.closest?.("#sources li")?.dataset.id;
  if (rows.length !== list.children.length || rows.some((row, i) => list.children[i] !== row)) {
    const inside = document.activeElement;
    list.replaceChildren(...rows);
    if (focused) (list.contains(inside) ? inside : rows.find((row) => row.dataset.id === focused)?.querySelector("summary"))?.focus();
  }
  byId("sources-empty").hidden = rows.length > 0;
  setText(byId("sources-empty"), sources.length ? "No source is like that." : "No source is declared yet.");
}

async function ask(some, asking) {
  try {
    const { asked } = await asking();
    toast(`${asked.length === 1 ? some[0].name : count(asked.length, "source")}: read with the next run, within some ten seconds.`);
  } catch (error) {
    toast(error.message, "error");
  } finally {
    wake();
  }
}

const process = (some) => ask(some, () => api.processSources(some.map((one) => one.id)));
const actions = { process: (source) => process([source]), accept: (source) => ask([source], () => api.acceptSource(source.id, source.held)) };

async function search() {
  const words = byId("search-words").value.trim();
  const into = byId("found");
  if (!words) { into.replaceChildren(); return; }
  try {
    const { rows } = await api.searchSources(words);
    const names = new Map(sources.map((one) => [one.id, one.name]));
    const line = (row) => el("tr", {}, el("td", { text: names.get(row.source) ?? row.source }), el("td", { class: "row-number", text: row.number.toLocaleString() }), el("td", { text: row.cells.filter(Boolean).join(" · ") }));
    const sum = el("p", { class: "sum", text: rows.length ? `${count(rows.length, "row")} found${rows.length === 100 ? ", the first hundred" : ""}` : "No row has all of these words." });
    into.replaceChildren(sum, ...(rows.length ? [grid("Rows that were found", [{ name: "source" }, { name: "#" }, { name: "row" }], rows, line)] : []));
  } catch (error) {
    toast(error.message, "error");
  }
}

async function refresh() {
  try {
    ({ sources, stale_code: staleCode } = await api.sources());
    showVerdict();
    showList();
    showConnection("live", "Live");
  } catch (error) {
    if (error.status === 401) await askToken(() => wake());
    else if (error.status === undefined) throw error;
    else {
      showConnection("lost", "No connection");
      byId("verdict").dataset.health = "unknown";
      setText(byId("verdict-title"), "Sources cannot be shown");
      setText(byId("verdict-reason"), error.message);
    }
  }
}

async function keepFresh() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => { wake = resolve; setTimeout(resolve, EVERY_MS); });
  }
}

onPress(byId("process-all"), () => process(sources.filter((one) => one.state !== "broken" && one.state !== "off")));
byId("search-form").addEventListener("submit", (event) => { event.preventDefault(); search(); });
byId("finders").addEventListener("submit", (event) => event.preventDefault());
byId("find-name").addEventListener("input", showList);
document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
keepFresh();
