/** What stands behind the tabs: the queue over time, quota, circuit breaker. */
import { byId, el, setText } from "./dom.js";
import { gauge, line, turnGauge } from "./draw.js";
import { count, duration } from "./words.js";

const CIRCUIT = {
  closed: { icon: "check_circle", word: "Closed", foot: "Syncs run." },
  half_open: { icon: "hourglass_top", word: "Trial", foot: "One trial run decides." },
  open: { icon: "cancel", word: "Open", foot: "Syncs wait." },
};

export function showQueue(status) {
  const { queue } = status;
  setText(byId("queue-pending"), queue.pending.toLocaleString());
  setText(byId("queue-words"), queue.pending === 1 ? "event pending" : "events pending");
  const parts = Object.entries(queue.pending_by_priority).filter(([, n]) => n).map(([name, n]) => `${n.toLocaleString()} ${name}`);
  if (queue.oldest_seconds) parts.push(`oldest ${duration(queue.oldest_seconds)}`);
  if (queue.set_aside) parts.push(`${count(queue.set_aside, "event")} set aside`);
  setText(byId("queue-foot"), parts.join(" · ") || "Every change has been written.");
}

export function showQueueChart(stats) {
  const points = stats.queue.map((point) => [Date.parse(point.at), point.pending]);
  const to = Date.parse(stats.at);
  const from = Math.min(points[0]?.[0] ?? to, to - 600_000);
  const top = Math.max(0, ...points.map(([, pending]) => pending));
  byId("queue-chart").replaceChildren(line(points, `Queue over the last ${duration((to - from) / 1000)}, at most ${count(top, "event")}`, from, to));
}

export function showQuota(status) {
  for (const use of status.quota) {
    const box = byId(`gauge-${use.kind}`);
    if (!box.firstChild) box.append(gauge(`${use.kind} quota`), el("span", { class: "gauge-number" }));
    const share = use.used_last_minute / use.per_minute;
    turnGauge(box, share);
    box.classList.toggle("near", share >= 0.7 && share < 0.95);
    box.classList.toggle("full", share >= 0.95);
    setText(box.lastChild, use.used_last_minute.toLocaleString());
    const left = Math.max(0, use.per_minute - use.used_last_minute);
    setText(byId(`gauge-${use.kind}-foot`), `of ${use.per_minute.toLocaleString()} a minute, ${left.toLocaleString()} left`);
  }
  for (const kind of ["read", "write"]) if (!status.quota.some((use) => use.kind === kind)) setText(byId(`gauge-${kind}-foot`), "No credentials.");
}

export function showCircuit(status, now) {
  const { circuit } = status;
  const shown = CIRCUIT[circuit.state];
  byId("circuit").dataset.state = circuit.state;
  setText(byId("circuit-icon"), shown.icon);
  setText(byId("circuit-state"), shown.word);
  const wait = circuit.until ? Math.max(0, (Date.parse(circuit.until) - now) / 1000) : 0;
  const trial = circuit.state === "open" ? ` Trial in ${duration(Math.round(wait))}.` : "";
  setText(byId("circuit-foot"), circuit.state === "closed" && !circuit.failures ? shown.foot : `${circuit.reason} ${circuit.remedy}${trial}`);
}
