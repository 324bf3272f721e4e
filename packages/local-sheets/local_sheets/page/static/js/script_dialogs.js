/** Questions of running scripts: prompt and alert, one after another. */
import { byId, el } from "./dom.js";

const LABELS = { OK: "OK", CANCEL: "Cancel", YES: "Yes", NO: "No" };

export class ScriptDialogs {
  constructor(app, api) {
    Object.assign(this, { app, api, node: byId("script-dialog"), shown: null, answered: new Set() });
    this.node.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.answer("CLOSE");
    });
    this.node.addEventListener("close", () => app.editor.focus());
  }

  async load() {
    try {
      // One that is answered meanwhile may still be among them.
      const dialogs = (await this.api.dialogs()).dialogs.filter(({ number }) => !this.answered.has(number));
      if (this.shown !== null && !dialogs.some(({ number }) => number === this.shown)) this.close();
      if (this.shown === null && dialogs.length) this.show(dialogs[0]);
    } catch (error) {
      this.app.onReadFailure(error);
    }
  }

  show({ number, kind, title, text, buttons }) {
    this.shown = number;
    this.field = kind === "prompt" ? el("input", { class: "field", autocomplete: "off", "aria-label": text }) : null;
    const form = el("form", { method: "dialog", on: { submit: (event) => { event.preventDefault(); this.answer(buttons[0]); } } },
      title && el("h2", { text: title }), el("p", { text }), this.field,
      el("div", { class: "dialog-buttons" }, ...buttons.toReversed().map((button) => el("button", {
        type: button === buttons[0] ? "submit" : "button", class: button === buttons[0] ? "button primary" : "button quiet", text: LABELS[button],
        on: button === buttons[0] ? {} : { click: () => this.answer(button) },
      }))));
    this.node.replaceChildren(form);
    this.node.showModal();
    this.field?.focus();
  }

  async answer(button) {
    const number = this.shown;
    const text = this.field?.value ?? "";
    this.close();
    this.answered.add(number);
    try {
      await this.api.answer(number, { button, text });
    } catch (error) {
      this.answered.delete(number);
      this.app.toast(error.message, "error");
    }
    this.load();
  }

  close() {
    this.shown = null;
    this.node.close();
  }
}
