/** What runs on which host: who has gone without a word, who does its work, and what to do. */
import { byId, el, icon, setText } from "./dom.js";
import { duration } from "./words.js";

const STATES = {
  works: { icon: "check_circle", health: "healthy" },
  "stands by": { icon: "pause_circle", health: "healthy" },
  "held back": { icon: "error", health: "warning" },
  silent: { icon: "cancel", health: "degraded" },
  ended: { icon: "do_not_disturb_on", health: "stopped" },
};
const WORST_FIRST = ["silent", "held back", "works", "stands by", "ended"];

const stateOf = (process, limit) => (process.state !== "ended" && process.silent_seconds > limit ? "silent" : process.state);

function words(process, state) {
  if (state === "silent") return `silent for ${duration(Math.round(process.silent_seconds))}`;
  if (state === "ended") return `ended ${duration(Math.round(process.silent_seconds))} ago`;
  return state;
}

function card(host, processes, limit) {
  const states = processes.map((process) => stateOf(process, limit));
  const worst = WORST_FIRST.find((state) => states.includes(state)) ?? "ended";
  const facts = processes.map((process, i) => el("div", {}, el("dt", { text: process.role }), el("dd", { text: words(process, states[i]) })));
  return el("article", { class: "host", dataset: { health: STATES[worst].health, host }, "aria-label": host },
    el("h3", {}, icon(STATES[worst].icon), el("span", { text: host })), el("dl", {}, ...facts));
}

/** A card for each host, and above them what is wrong; nothing where no process has told of itself. */
export function showHosts({ hosts, host_findings: findings, host_silent_after_seconds: limit }) {
  byId("hosts").hidden = !hosts.length && !findings.length;
  const told = findings.map((one) => el("li", { dataset: { grave: one.is_grave } }, el("b", { text: `${one.title}: ` }), `${one.detail} ${one.remedy}`));
  byId("hosts-findings").replaceChildren(...told);
  const names = [...new Set(hosts.map((process) => process.host))];
  byId("hosts-list").replaceChildren(...names.map((name) => card(name, hosts.filter((process) => process.host === name), limit)));
  setText(byId("hosts-title"), names.length > 1 ? `Hosts (${names.length})` : "Hosts");
}
