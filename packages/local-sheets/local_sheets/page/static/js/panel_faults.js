/** The side panel that makes the API fail on purpose: what happens, to which requests, how often. */
import { call } from "./api.js";
import { byId, el, icon, iconButton, whenReleased } from "./dom.js";

const PATH = "/_local/faults";

/** What can happen, as the server's fault rules say it. */
const WHAT = {
  "429 quota exceeded": { action: "error", status: 429 },
  "500 internal error": { action: "error", status: 500 },
  "503 unavailable": { action: "error", status: 503 },
  "503 although applied": { action: "error", status: 503, after: true },
  "Delayed answer": { action: "delay" },
  "Connection cut before": { action: "reset" },
  "Connection cut, although applied": { action: "reset", after: true },
  "No answer at all": { action: "timeout" },
};

const WHICH = {
  "All requests": {},
  Reads: { kind: "read" },
  Writes: { kind: "write" },
  "values.get": { method: "sheets.spreadsheets.values.get" },
  "values.batchGet": { method: "sheets.spreadsheets.values.batchGet" },
  "values.update": { method: "sheets.spreadsheets.values.update" },
  "values.batchUpdate": { method: "sheets.spreadsheets.values.batchUpdate" },
  "values.append": { method: "sheets.spreadsheets.values.append" },
  "spreadsheets.get": { method: "sheets.spreadsheets.get" },
  "spreadsheets.batchUpdate": { method: "sheets.spreadsheets.batchUpdate" },
};

function select(label, options, id) {
  const field = el("select", { class: "field", id }, ...options.map((text) => el("option", { text })));
  return { field, node: el("label", {}, el("span", { text: label }), field) };
}

function number(label, value, attributes) {
  const field = el("input", { class: "field", type: "number", value, ...attributes });
  return { field, node: el("label", {}, el("span", { text: label }), field) };
}

export class FaultsPanel {
  constructor(app) {
    this.app = app;
    this.what = select("What happens", Object.keys(WHAT), "fault-what");
    this.which = select("To which requests", Object.keys(WHICH), "fault-which");
    this.often = select("How often", ["The next few", "At random", "Every one"], "fault-often");
    this.count = number("Requests", "1", { min: "1", max: "10000", id: "fault-count" });
    this.percent = number("Percent of them", "10", { min: "1", max: "100", id: "fault-percent" });
    this.seed = number("Seed", "1", { min: "0", max: "999999", id: "fault-seed" });
    this.seconds = number("Seconds", "2", { min: "0", max: "600", step: "0.1", id: "fault-seconds" });
    const form = el("form", { class: "stack", on: { submit: (event) => this.add(event), change: () => this.showFields() } },
      el("p", { class: "hint", text: "The next requests of API clients fail as you choose. Edits made on this page are spared." }),
      this.what.node, this.which.node,
      el("div", { class: "two" }, this.often.node, this.count.node, this.percent.node, this.seed.node, this.seconds.node),
      el("button", { type: "submit", class: "button primary", text: "Set fault" }));
    this.rules = el("ul", { class: "plain-list", id: "fault-rules", "aria-label": "Faults in force" });
    this.done = el("ul", { class: "plain-list", id: "fault-counts", "aria-label": "Faults so far" });
    this.clear = el("button", { type: "button", class: "button outline", text: "Remove all", on: { click: () => this.remove(null) } });
    byId("panel-faults").append(el("div", { class: "stack" }, form,
      el("h3", { text: "In force" }), this.rules, this.clear, el("h3", { text: "Done so far" }), this.done));
    this.showFields();
    this.show({ rules: [], counts: {} });
    this.loadSoon();
  }

  showFields() {
    const often = this.often.field.value;
    const { action } = WHAT[this.what.field.value];
    this.count.node.hidden = often !== "The next few";
    this.percent.node.hidden = this.seed.node.hidden = often !== "At random";
    this.seconds.node.hidden = action !== "delay" && action !== "timeout";
  }

  rule() {
    const often = this.often.field.value;
    const rule = { ...WHAT[this.what.field.value], ...WHICH[this.which.field.value] };
    rule.count = often === "The next few" ? Number(this.count.field.value) : null;
    if (often === "At random") Object.assign(rule, { probability: Number(this.percent.field.value) / 100, seed: Number(this.seed.field.value) });
    if (!this.seconds.node.hidden) rule.seconds = Number(this.seconds.field.value);
    return rule;
  }

  async add(event) {
    event.preventDefault();
    await this.change(() => call("POST", PATH, this.rule()));
  }

  remove(ruleId) {
    return this.change(() => call("DELETE", ruleId === null ? PATH : `${PATH}?rule_id=${ruleId}`));
  }

  async change(request) {
    try {
      await request();
      await this.load();
    } catch (error) {
      this.app.toast(error.message, "error");
    }
  }

  async load() {
    this.show(await call("GET", PATH));
  }

  /** Reads the state again; asking many times in a moment reads once. */
  loadSoon() {
    clearTimeout(this.loading);
    this.loading = setTimeout(() => this.load().catch((error) => this.app.toast(error.message, "error")), 100);
  }

  /** @param {object} state rules in force, counts of what was done */
  show(state) {
    const rules = state.rules.filter((rule) => rule.left === null || rule.left > 0);
    whenReleased(this.rules, () => {
      this.rules.replaceChildren(...rules.map((rule) => this.ruleNode(rule)));
      if (!rules.length) this.rules.append(el("li", {}, el("span", { class: "hint", text: "None: the API answers as it should." })));
    });
    this.clear.hidden = rules.length < 2;
    byId("open-faults").dataset.alert = String(rules.length > 0);
    const counts = Object.entries(state.counts);
    this.done.replaceChildren(...counts.map(([what, count]) => el("li", {}, el("span", { text: what }), el("small", { text: `${count} ×` }))));
    if (!counts.length) this.done.append(el("li", {}, el("span", { class: "hint", text: "None yet." })));
  }

  ruleNode(rule) {
    const same = ([, spec]) => spec.action === rule.action && (spec.status ?? rule.status) === rule.status && Boolean(spec.after) === rule.after;
    const what = Object.entries(WHAT).find(same)?.[0] ?? `${rule.action} ${rule.status}`;
    const which = rule.method !== "*" ? rule.method.replace("sheets.spreadsheets.", "") : { any: "all requests", read: "reads", write: "writes" }[rule.kind];
    const often = rule.left !== null ? `next ${rule.left}` : rule.probability < 1 ? `${Math.round(rule.probability * 100)} % at random` : "every one";
    const seconds = rule.seconds ? `, ${rule.seconds} s` : "";
    return el("li", {}, el("span", {}, icon("bolt"), ` ${what}${seconds}`, el("div", { class: "hint", text: `${which} · ${often}` })),
      iconButton("close", `Remove: ${what}`, () => this.remove(rule.rule_id)));
  }
}
