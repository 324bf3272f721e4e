/** The side panel for the spreadsheet's Apps Script: its triggers, its executions with their logs, the way to its editor. */
import { byId, el, icon, iconButton, whenReleased } from "./dom.js";
import { errorText, scriptApi } from "./scripts_api.js";
import { ScriptDialogs } from "./script_dialogs.js";
import { ScriptEditor } from "./script_editor.js";

const EVENTS = { ON_EDIT: "On edit", ON_CHANGE: "On change", ON_OPEN: "On open", CLOCK: "Every minute" };
const STATUS = { COMPLETED: "good", RUNNING: "warn", PENDING: "warn", FAILED: "bad", TIMED_OUT: "bad", CANCELED: "bad" };
const EXECUTIONS_SHOWN = 50;
const RELOAD_MS = 150;

export class ScriptsPanel {
  constructor(app) {
    this.app = app;
    this.api = scriptApi(app.spreadsheetId);
    this.editor = new ScriptEditor(app, this.api, (state) => this.showState(state));
    this.dialogs = new ScriptDialogs(app, this.api);
    this.opened = new Set();
    this.triggers = el("ul", { class: "plain-list", id: "script-triggers", "aria-label": "Triggers" });
    this.executions = el("ul", { class: "plain-list executions", id: "script-executions", "aria-label": "Executions" });
    this.functions = el("select", { class: "field", "aria-label": "Function of the trigger" });
    this.event = el("select", { class: "field", "aria-label": "Event of the trigger" }, ...Object.entries(EVENTS).map(([value, text]) => el("option", { value, text })));
    const form = el("form", { class: "stack", on: { submit: (event) => this.addTrigger(event) } },
      el("div", { class: "two" }, this.functions, this.event),
      el("button", { type: "submit", class: "button outline", text: "Add trigger" }));
    byId("panel-scripts").append(el("div", { class: "stack" },
      el("p", { class: "hint", text: "The script of this spreadsheet runs here as in Google's Apps Script. Functions named onEdit and onOpen need no trigger." }),
      el("button", { type: "button", class: "button primary", text: "Open the editor", on: { click: () => this.editor.open() } }),
      el("h3", { text: "Triggers" }), this.triggers, form,
      el("h3", { text: "Executions" }), this.executions));
  }

  /** A person has opened the spreadsheet: the script's onOpen runs. Questions that wait from before are asked. */
  async greet() {
    this.load();
    try {
      await this.api.opened();
    } catch (error) {
      this.app.onReadFailure(error);
    }
    this.dialogs.load();
  }

  /** What the stream tells of scripts. */
  on({ kind, text, title }) {
    if (kind === "toast") this.app.toast(title ? `${title}: ${text}` : text);
    else if (kind === "dialogs") this.dialogs.load();
    else this.loadSoon();
  }

  /** Reads everything again, once for all that is told within a moment. */
  loadSoon() {
    this.loading ??= setTimeout(() => {
      this.loading = undefined;
      this.load();
    }, RELOAD_MS);
  }

  /** Reads everything again; the server being away shows at the top of the page. */
  async load() {
    try {
      const [state, { executions }] = await Promise.all([this.api.state(), this.api.executions(EXECUTIONS_SHOWN)]);
      this.showState(state);
      this.showExecutions(executions);
    } catch (error) {
      this.app.onReadFailure(error);
    }
  }

  showState(state) {
    this.state = state;
    this.editor.show(state);
    whenReleased(this.triggers, () => {
      this.triggers.replaceChildren(...state.triggers.map((one) => this.triggerRow(one)));
      if (!state.triggers.length) this.triggers.append(el("li", {}, el("small", { text: "None" })));
    });
    const chosen = this.functions.value;
    this.functions.replaceChildren(...state.functions.map((name) => el("option", { value: name, text: name })));
    if (state.functions.includes(chosen)) this.functions.value = chosen;
    whenReleased(byId("script-menus"), () => this.showMenus(state.menus));
  }

  triggerRow({ uid, function: name, eventType, everySeconds }) {
    const when = everySeconds ? `Every ${everySeconds} s` : EVENTS[eventType];
    return el("li", {}, el("span", {}, icon("bolt"), el("span", { text: `${name} · ${when}` })),
      iconButton("delete", `Delete the trigger of ${name}`, () => this.change(() => this.api.removeTrigger(uid))));
  }

  addTrigger(event) {
    event.preventDefault();
    const eventType = this.event.value;
    const clock = eventType === "CLOCK" ? { everySeconds: 60 } : {};
    return this.change(() => this.api.addTrigger({ function: this.functions.value, eventType, ...clock }));
  }

  async change(work) {
    try {
      await work();
      await this.load();
    } catch (error) {
      this.app.toast(error.message, "error");
    }
  }

  /** Menus that the script has added, beside the buttons of the panels. */
  showMenus(menus) {
    byId("script-menus").replaceChildren(...menus.map(({ caption, items }) => {
      const open = (event) => {
        const box = event.currentTarget.getBoundingClientRect();
        this.app.menu.open(box.left, box.bottom + 4, items.map((item) => this.menuItem(item)));
      };
      return el("button", { type: "button", class: "chip", "data-opens-menu": "", "aria-haspopup": "menu", text: caption, on: { click: open } });
    }));
  }

  menuItem(item) {
    if (item === null) return "-";
    if (item.items) return { label: item.caption, icon: "", run: () => this.app.menu.open(innerWidth / 2, 60, item.items.map((one) => this.menuItem(one))) };
    return { label: item.caption, icon: "function", run: () => this.run(item.functionName) };
  }

  async run(name) {
    try {
      const { execution } = await this.api.run(name, true);
      if (execution.error) this.app.toast(errorText(execution.error), "error");
    } catch (error) {
      this.app.toast(error.message, "error");
    }
  }

  showExecutions(executions) {
    whenReleased(this.executions, () => {
      this.executions.replaceChildren(...executions.map((one) => this.executionRow(one)));
      if (!executions.length) this.executions.append(el("li", {}, el("small", { text: "None yet" })));
    });
    byId("open-scripts").dataset.alert = String(STATUS[executions[0]?.processStatus] === "bad");
  }

  executionRow(one) {
    const time = new Date(one.startTime).toLocaleTimeString([], { hour12: false });
    const why = { SIMPLE_TRIGGER: "simple trigger", TRIGGER: "trigger", TIME_DRIVEN: "clock", EDITOR: "editor", MENU: "menu", EXECUTION_API: "API" }[one.processType];
    const lines = one.logs.map(({ severity, message }) => el("div", { class: `log ${severity.toLowerCase()}`, text: message }));
    if (one.error) lines.push(el("div", { class: "log error", text: errorText(one.error) }));
    const details = el("details", { open: this.opened.has(one.number) },
      el("summary", {}, el("span", { class: `dot ${STATUS[one.processStatus]}`, title: one.processStatus }), el("strong", { text: one.functionName }),
        el("small", { text: `${why} · ${time} · ${one.seconds.toFixed(2)} s · ${one.processStatus.toLowerCase().replace("_", " ")}` })),
      ...(lines.length ? lines : [el("small", { text: "No logs." })]));
    details.addEventListener("toggle", () => (details.open ? this.opened.add(one.number) : this.opened.delete(one.number)));
    return el("li", {}, details);
  }
}
