/** A card per tab: how far behind it is, how its latest syncs went, and its own buttons. */
import { byId, el, icon, onPress, setText, setUsable } from "./dom.js";
import { bars } from "./draw.js";
import { ago, duration, HEALTHS, short, SIGNS } from "./words.js";

const cards = new Map();

/** From so many tabs on they can be searched, and those that need somebody come first. */
const MANY = 13;
const WORST_FIRST = ["stopped", "degraded", "warning", "unknown", "healthy"];
const AT_ONCE = 24;
let shown = AT_ONCE;

for (const id of ["tabs-search", "tabs-health"]) byId(id).addEventListener("input", () => { shown = AT_ONCE; wakeTabs(); });
onPress(byId("tabs-more"), () => { shown += AT_ONCE; wakeTabs(); });
let wakeTabs = () => {};

/** The names to show now, in their order; shows the search and how many there are. */
function chosen(status) {
  const all = Object.entries(status.tabs);
  const isMany = all.length >= MANY;
  byId("tabs-filters").hidden = !isMany;
  byId("tabs-more").hidden = true;
  setText(byId("tabs-count"), isMany ? `${all.length.toLocaleString()}` : "");
  if (!isMany) return all.map(([title]) => title);
  const words = byId("tabs-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const health = byId("tabs-health").value;
  const found = all.filter(([title, tab]) =>
    words.every((word) => title.toLowerCase().includes(word)) &&
    (!health || (health === "odd" ? tab.health !== "healthy" : tab.health === health)));
  found.sort(([, a], [, b]) => WORST_FIRST.indexOf(a.health) - WORST_FIRST.indexOf(b.health));
  setText(byId("tabs-count"), found.length === all.length ? `${all.length.toLocaleString()}` : `${found.length.toLocaleString()} of ${all.length.toLocaleString()}`);
  byId("tabs-more").hidden = found.length <= shown;
  setText(byId("tabs-more"), `Show ${Math.min(AT_ONCE, found.length - shown).toLocaleString()} more`);
  return found.slice(0, shown).map(([title]) => title);
}

function makeCard(title, actions) {
  const at = {};
  const fact = (name, text) => el("div", {}, el("dt", { text }), (at[name] = el("dd", { text: "–" })));
  at.force = onPress(el("button", { type: "button", class: "button quiet small", "aria-label": `Sync ${title} now` }, icon("sync"), "Sync"), () => actions.force(title));
  at.switch = el("button", { type: "button", class: "switch", role: "switch", "aria-label": `Keep ${title} in step` }, (at.word = el("span", { text: "On" })), el("i"));
  onPress(at.switch, () => actions.switchTab(title, at.switch.getAttribute("aria-checked") !== "true"));
  at.run = el("a", { class: "button quiet small", target: "_blank", rel: "noopener", "aria-label": `Last run of ${title} in Dagster` }, icon("account_tree"), "Last run");
  at.link = el("a", { target: "_blank", rel: "noopener", text: title });
  at.sign = icon("help");
  at.card = el("article", { class: "tab", dataset: { tab: title }, "aria-label": title },
    el("header", {}, el("h3", {}, at.link), el("span", { class: "badge" }, at.sign, (at.health = el("span")))),
    el("dl", { class: "tab-facts" }, fact("lag", "Behind by"), fact("last", "Last synced"), fact("rate", "Succeeded")),
    (at.reason = el("p", { class: "tab-reason", hidden: true }, el("span"))),
    el("div", { class: "sparks" },
      el("div", {}, el("div", { class: "spark-name" }, "Duration", (at.seconds = el("span"))), (at.durations = el("div", { class: "spark" }))),
      el("div", {}, el("div", { class: "spark-name" }, "Cells written", (at.written = el("span"))), (at.cells = el("div", { class: "spark" })))),
    el("footer", {}, at.force, at.run, at.switch));
  return at;
}

/** Shows all cards as the status says; `canSteer` is false while something that was asked for is under way. */
export function showTabs(status, now, actions, canSteer) {
  wakeTabs = () => showTabs(status, now, actions, canSteer);
  const titles = chosen(status);
  for (const title of titles) if (!cards.has(title)) cards.set(title, makeCard(title, actions));
  for (const title of cards.keys()) if (!titles.includes(title)) { cards.get(title).card.remove(); cards.delete(title); }
  const wanted = titles.map((title) => cards.get(title).card);
  if (wanted.some((card, i) => byId("tabs").children[i] !== card)) byId("tabs").replaceChildren(...wanted);
  for (const title of titles) showCard(cards.get(title), status.tabs[title], title, status, now, canSteer);
}

function showCard(at, tab, title, status, now, canSteer) {
  at.card.dataset.health = tab.health;
  at.link.href = tab.url;
  setText(at.sign, SIGNS[tab.health]);
  setText(at.health, tab.enabled ? HEALTHS[tab.health] : "Off");
  setText(at.lag, tab.last_success ? (tab.lag_seconds < 1 ? "nothing" : duration(tab.lag_seconds)) : "all");
  setText(at.last, ago(tab.last_success, now));
  setText(at.rate, tab.success_rate_percent === null ? "–" : `${tab.success_rate_percent.toFixed(tab.success_rate_percent % 1 ? 1 : 0)}%`);
  at.reason.hidden = tab.health === "healthy";
  const next = tab.next_sync_in_seconds === null || !tab.consecutive_failures ? "" : ` Next try in ${duration(tab.next_sync_in_seconds)}.`;
  setText(at.reason.firstChild, tab.reason + next);
  const running = status.under_way.some((run) => run.tabs.includes(title));
  setUsable(at.force, tab.enabled && !running && canSteer);
  at.force.firstChild.classList.toggle("spin", running);
  at.switch.setAttribute("aria-checked", String(tab.enabled));
  setUsable(at.switch, canSteer);
  setText(at.word, tab.enabled ? "On" : "Off");
  at.run.hidden = !tab.last_run_url;
  if (tab.last_run_url) at.run.href = tab.last_run_url;
}

/** The bars of each card. */
export function showSparks(stats) {
  for (const [title, tab] of Object.entries(stats.tabs)) {
    const at = cards.get(title);
    if (!at) continue;
    const signature = `${tab.history.length}/${tab.history.at(-1)?.at}`;
    if (at.signature === signature) continue;
    at.signature = signature;
    const point = (value, text) => (p) => ({ value: p[value], kind: p.kind, outcome: p.outcome, text: `${new Date(p.at).toLocaleTimeString()}: ${p.outcome === "success" ? text(p) : p.outcome} (${p.kind})` });
    const seconds = tab.history.map(point("seconds", (p) => duration(p.seconds)));
    const cells = tab.history.map(point("cells", (p) => `${p.cells.toLocaleString()} cells`));
    const last = tab.history.findLast((p) => p.outcome === "success");
    setText(at.seconds, last ? duration(last.seconds) : "");
    setText(at.written, last ? short(last.cells) : "");
    at.durations.replaceChildren(bars(seconds, `Durations of the latest syncs of ${title}`));
    at.cells.replaceChildren(bars(cells, `Cells written by the latest syncs of ${title}`));
  }
}
