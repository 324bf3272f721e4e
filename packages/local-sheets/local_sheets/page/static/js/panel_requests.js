/** The side panel that shows API requests as they come in, and how much of the quota the last minute used. */
import { call } from "./api.js";
import { byId, el, shortNumber } from "./dom.js";

const ROWS_KEPT = 200;
const QUOTA_EVERY_MS = 1000;
const SVG = "http://www.w3.org/2000/svg";
/** What a fault did to a request, in words for people. */
const FAULTS = {
  error: "fault", "error after": "fault, though applied", delay: "fault: delayed", reset: "fault: connection cut",
  "reset after": "fault: connection cut, though applied", timeout: "fault: no answer", "timeout after": "fault: no answer, though applied",
};
/** The gauge is a half circle of radius 40: its length in user units. */
const ARC_LENGTH = Math.PI * 40;

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A half-round gauge with its number in the middle. */
export class Gauge {
  constructor(label) {
    const path = "M 10 50 A 40 40 0 0 1 90 50";
    this.arc = svg("path", { d: path, class: "gauge-value", "stroke-dasharray": `0 ${ARC_LENGTH}` });
    const drawing = svg("svg", { viewBox: "0 0 100 56", "aria-hidden": "true" });
    drawing.append(svg("path", { d: path, class: "gauge-ground" }), this.arc);
    this.number = el("div", { class: "gauge-number", text: "0" });
    this.caption = el("div", { class: "gauge-caption", text: label });
    this.node = el("div", { class: "gauge", role: "meter", "aria-label": `${label} in the last minute`, "aria-valuemin": "0" }, drawing, this.number, this.caption);
    this.label = label;
  }

  /** @param {number|null} limit null where the quota is off */
  show(used, limit) {
    const share = limit ? Math.min(used / limit, 1) : 0;
    this.arc.setAttribute("stroke-dasharray", `${share * ARC_LENGTH} ${ARC_LENGTH}`);
    this.node.classList.toggle("near", share >= 0.7 && share < 0.95);
    this.node.classList.toggle("full", share >= 0.95);
    this.node.setAttribute("aria-valuenow", String(used));
    this.node.setAttribute("aria-valuemax", String(limit ?? used));
    this.number.textContent = String(used);
    this.caption.textContent = limit ? `${this.label} of ${limit}` : `${this.label}, no limit`;
  }
}

function statusClass(status) {
  if (status >= 500 || status === 0) return "bad";
  if (status >= 400) return "warn";
  return "good";
}

export class RequestsPanel {
  constructor() {
    this.gauges = { reads: new Gauge("reads"), writes: new Gauge("writes") };
    byId("gauges").append(this.gauges.reads.node, this.gauges.writes.node);
    this.list = byId("requests");
    this.last = 0;
    this.loadQuota();
  }

  /** Asks how the last minute looks, as long as the page is open; requests leave the minute without an event. */
  async loadQuota() {
    if (!document.hidden) {
      try {
        this.showQuota(await call("GET", "/_local/stats"));
      } catch {
        // The server is away; the page says so at its top, and the next call may work.
      }
    }
    setTimeout(() => this.loadQuota(), QUOTA_EVERY_MS);
  }

  /** Shows the busiest credential of the last minute. */
  showQuota({ by_user: byUser, limits }) {
    let fullest = 0;
    for (const [name, gauge] of Object.entries(this.gauges)) {
      const used = Math.max(0, ...Object.values(byUser).map((user) => user[name]));
      gauge.show(used, limits[name]);
      if (limits[name]) fullest = Math.max(fullest, used / limits[name]);
    }
    byId("open-requests").dataset.level = fullest >= 0.95 ? "full" : fullest >= 0.7 ? "near" : "";
  }

  /** One request as the server's log has it. */
  add(request) {
    if (request.number <= this.last) return;
    this.last = request.number;
    byId("no-requests").hidden = true;
    const time = new Date(request.time * 1000).toLocaleTimeString([], { hour12: false });
    const facts = [
      request.cells ? `${shortNumber(request.cells)} cell${request.cells === 1 ? "" : "s"}` : "",
      `${shortNumber(request.bytes_in + request.bytes_out)} B`,
      `${request.milliseconds < 10 ? request.milliseconds.toFixed(1) : Math.round(request.milliseconds)} ms`,
    ].filter(Boolean);
    const row = el("li", { class: `request ${request.kind}`, title: `${request.method} by ${request.caller ?? "anybody"}` },
      el("span", { class: `status ${statusClass(request.status)}`, text: request.status ? String(request.status) : "—" }),
      el("span", { class: "method", text: request.method.replace(/^sheets\.(spreadsheets\.(?=values))?/, "") }),
      el("time", { text: time }),
      el("span", { class: "range", text: request.summary || " " }),
      el("span", { class: "facts", text: facts.join(" · ") }),
      request.fault && el("span", { class: "badge fault", text: FAULTS[request.fault] ?? request.fault }),
      request.kind === "script" && el("span", { class: "badge", text: "by the script" }),
      request.kind === "page" && el("span", { class: "badge", text: "edit on the page" }));
    this.list.prepend(row);
    while (this.list.children.length > ROWS_KEPT) this.list.lastChild.remove();
  }
}
