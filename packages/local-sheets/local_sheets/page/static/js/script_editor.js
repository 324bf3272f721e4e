/** The editor of the spreadsheet's script: its files, a function to run, what the run logged. */
import { byId, el, iconButton } from "./dom.js";
import { ask } from "./menu.js";
import { errorText } from "./scripts_api.js";

const MANIFEST = "appsscript";

export class ScriptEditor {
  constructor(app, api, onSaved) {
    Object.assign(this, { app, api, onSaved, files: [], current: 0, changed: false });
    this.node = byId("script-editor");
    this.list = el("div", { class: "script-files", role: "tablist", "aria-label": "Files" });
    this.text = el("textarea", { class: "script-text", id: "script-text", spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off", readonly: true, "aria-label": "Source of the file" });
    this.functions = el("select", { class: "field", id: "script-function", "aria-label": "Function to run" });
    this.save = el("button", { type: "button", class: "button outline", text: "Save", title: "Save (Ctrl+S)", on: { click: () => this.store() } });
    this.run = el("button", { type: "button", class: "button primary", text: "Run", on: { click: () => this.execute() } });
    this.output = el("div", { class: "script-output", id: "script-output", role: "log", "aria-label": "Execution log" });
    this.node.append(el("div", { class: "script-editor" },
      el("header", {}, el("h2", { text: "Apps Script" }), this.functions, this.run, this.save,
        iconButton("close", "Close the editor", () => this.close())),
      this.list, this.text, this.output));
    this.text.addEventListener("input", () => this.mark(true));
    this.text.addEventListener("keydown", (event) => this.onKey(event));
    this.node.addEventListener("cancel", (event) => { event.preventDefault(); this.close(); });
    this.node.addEventListener("close", () => app.editor.focus());
  }

  /** The script as the server has it; unsaved text stays. */
  show(state) {
    const chosen = this.functions.value;
    this.functions.replaceChildren(...state.functions.map((name) => el("option", { value: name, text: name })));
    if (state.functions.includes(chosen)) this.functions.value = chosen;
    this.run.disabled = !state.functions.length;
    this.text.readOnly = false;
    if (this.changed) return;
    const name = this.files[this.current]?.name ?? "Code";
    this.files = state.files.map(({ name: file, type, source }) => ({ name: file, type, source }));
    this.choose(Math.max(this.files.findIndex((file) => file.name === name), 0));
  }

  open() {
    this.node.showModal();
    this.text.focus();
  }

  async close() {
    if (this.changed && (await this.confirmed()) === null) return;
    this.mark(false);
    this.node.close();
    this.app.panels.scripts.load();
  }

  confirmed() {
    return ask({ title: "Leave without saving?", action: "Leave", danger: true, hint: "What was changed in the script is lost." });
  }

  choose(index) {
    this.keep();
    this.current = index;
    this.text.value = this.files[index].source;
    this.list.replaceChildren(
      ...this.files.map((file, at) => el("button", { type: "button", role: "tab", class: "chip", "aria-selected": String(at === index), text: file.name === MANIFEST ? "appsscript.json" : `${file.name}.gs`, on: { click: () => this.choose(at) } })),
      iconButton("add", "Add a file", () => this.add()));
  }

  /** What stands in the field belongs to the file. */
  keep() {
    if (this.changed) this.files[this.current].source = this.text.value;
  }

  mark(changed) {
    this.changed = changed;
    this.save.textContent = changed ? "Save *" : "Save";
  }

  async add() {
    const name = await ask({ title: "Add a file", label: "Name", action: "Add" });
    if (!name || this.files.some((file) => file.name === name)) return;
    this.keep();
    this.files.push({ name: name.replace(/\.gs$/, ""), type: "SERVER_JS", source: "" });
    this.mark(true);
    this.current = this.files.length - 1;
    this.text.value = "";
    this.choose(this.current);
  }

  async store() {
    if (!this.files.length) return false; // not read yet
    this.keep();
    try {
      const state = await this.api.save(this.files);
      this.mark(false);
      this.onSaved(state);
      return true;
    } catch (error) {
      this.tell([{ severity: "ERROR", message: error.message }]);
      return false;
    }
  }

  async execute() {
    if (this.changed && !(await this.store())) return;
    this.run.disabled = true;
    this.tell([{ severity: "INFO", message: `Running ${this.functions.value} ...` }]);
    try {
      const { execution } = await this.api.run(this.functions.value);
      const end = execution.error ? { severity: "ERROR", message: errorText(execution.error) } : { severity: "INFO", message: `Completed in ${execution.seconds.toFixed(2)} s.` };
      this.tell([...execution.logs, end]);
    } catch (error) {
      this.tell([{ severity: "ERROR", message: error.message }]);
    } finally {
      this.run.disabled = false;
    }
  }

  tell(lines) {
    this.output.replaceChildren(...lines.map(({ severity, message }) => el("div", { class: `log ${severity.toLowerCase()}`, text: message })));
  }

  onKey(event) {
    if (this.text.readOnly) return;
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.store();
    } else if (event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.text.setRangeText("  ", this.text.selectionStart, this.text.selectionEnd, "end");
      this.mark(true);
    }
  }
}
