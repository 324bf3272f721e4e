/** The activity: recent syncs, newest first, new ones lit up for a moment. */
import { byId, el, icon } from "./dom.js";
import { count, duration } from "./words.js";

const ICONS = { success: "check", failed: "close", refused: "block", running: "progress_activity" };
let seen = null;

function what(line) {
  if (line.outcome === "running") return "Under way …";
  if (line.error) return line.error;
  const changes = [["inserts", "inserted"], ["updates", "updated"], ["deletes", "deleted"]].filter(([name]) => line[name]).map(([name, word]) => `${line[name].toLocaleString()} ${word}`);
  const parts = line.cells ? [...changes, count(line.cells, "cell")] : ["Nothing to change"];
  if (line.set_aside) parts.push(`${count(line.set_aside, "row")} set aside`);
  if (line.quota_wait_seconds >= 0.5) parts.push(`waited ${duration(line.quota_wait_seconds)} for quota`);
  return parts.join(" · ");
}

function row(line, isNew) {
  const sign = icon(ICONS[line.outcome]);
  if (line.outcome === "running") sign.classList.add("spin");
  const at = new Date(line.ended_at ?? line.started_at);
  return el("li", { class: isNew ? "new" : null, dataset: { outcome: line.outcome, id: line.id } },
    sign,
    el("time", { datetime: at.toISOString(), title: at.toLocaleString(), text: at.toLocaleTimeString(undefined, { hour12: false }) }),
    el("span", { class: "log-tab", text: line.tab }),
    el("span", { class: "log-kind", text: line.kind }),
    el("span", { class: "log-what" }, el("span", { class: "hidden-label", text: `${line.outcome}: ` }), what(line)),
    el("span", { class: "log-seconds", text: line.seconds === null ? "" : duration(line.seconds) }),
    line.run_url ? el("a", { href: line.run_url, target: "_blank", rel: "noopener", "aria-label": `Run of ${line.tab} in Dagster`, text: "Run" }) : null);
}

export const logFilters = () => ({ tab: byId("log-tab").value, outcome: byId("log-outcome").value, limit: 25 });

export function showLog({ logs }) {
  const signature = JSON.stringify([logFilters(), logs.map((line) => [line.id, line.outcome])]);
  if (signature === showLog.signature) return;
  showLog.signature = signature;
  const focused = document.activeElement?.closest?.("#log li")?.dataset.id;
  byId("log").replaceChildren(...logs.map((line) => row(line, seen !== null && !seen.has(line.id))));
  if (focused) byId("log").querySelector(`li[data-id="${focused}"] a`)?.focus();
  seen = new Set([...(seen ?? []), ...logs.map((line) => line.id)]);
  byId("log-empty").hidden = logs.length > 0;
  byId("log-empty").textContent = "No syncs to show.";
}

export function offerTabs(titles) {
  const select = byId("log-tab");
  if (select.options.length === titles.length + 1) return;
  const chosen = select.value;
  select.replaceChildren(el("option", { value: "", text: "All tabs" }), ...titles.map((title) => el("option", { value: title, text: title })));
  select.value = chosen;
}
