/** A pop-up list of commands, and a small question with one line of text. Both work with the keyboard alone. */
import { byId, el, icon } from "./dom.js";

export class Menu {
  constructor(onClosed) {
    this.onClosed = onClosed;
    this.node = el("div", { class: "menu", role: "menu", hidden: true });
    document.body.append(this.node);
    this.node.addEventListener("keydown", (event) => this.onKey(event));
    document.addEventListener("pointerdown", (event) => {
      if (!this.node.hidden && !this.node.contains(event.target) && !event.target.closest?.("[data-opens-menu]")) this.close();
    });
  }

  /** Opens at a point; `items` hold label, icon, key, run, disabled, or are "-" for a line, or an element. */
  open(x, y, items, label = "Commands") {
    // A form is no menu: who hears the page gets a dialog then.
    const isForm = items.some((item) => item instanceof HTMLFormElement);
    this.node.setAttribute("role", isForm ? "dialog" : "menu");
    this.node.setAttribute("aria-label", label);
    this.node.replaceChildren(...items.filter(Boolean).map((item) => this.itemNode(item)));
    this.node.hidden = false;
    const { offsetWidth, offsetHeight } = this.node;
    this.node.style.left = `${Math.max(Math.min(x, innerWidth - offsetWidth - 8), 8)}px`;
    this.node.style.top = `${Math.max(y + offsetHeight + 8 > innerHeight ? Math.min(y, innerHeight) - offsetHeight : y, 8)}px`;
    this.buttons()[0]?.focus();
  }

  itemNode(item) {
    if (item === "-") return el("div", { class: "menu-line", role: "separator" });
    if (item instanceof Node) return item;
    const run = () => {
      this.close();
      item.run();
    };
    return el("button", { type: "button", class: "menu-item", role: this.node.getAttribute("role") === "menu" ? "menuitem" : null, disabled: item.disabled, on: { click: run } },
      icon(item.icon ?? ""), el("span", { class: "menu-label", text: item.label }), item.key && el("kbd", { text: item.key }));
  }

  buttons() {
    return [...this.node.querySelectorAll("button:not(:disabled)")];
  }

  onKey(event) {
    const buttons = this.buttons();
    const index = buttons.indexOf(document.activeElement);
    const isForm = this.node.getAttribute("role") === "dialog";
    if (isForm && event.key !== "Escape" && !(event.key.startsWith("Arrow") && document.activeElement?.matches(".menu-item"))) return;
    if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (event.key === "ArrowDown") buttons[(index + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons[(index - 1 + buttons.length) % buttons.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  close() {
    if (this.node.hidden) return;
    this.node.hidden = true;
    this.onClosed();
  }
}

/**
 * Asks for one text, or for a yes. Resolves to the text ("" for a plain yes), or null when people changed their mind.
 * @param {object} question title, label (none: a yes/no question), value, action, multiline, danger, hint, option (label of
 *   a checkbox, and onChosen for when it was ticked)
 */
export function ask({ title, label, value = "", action = "OK", multiline = false, danger = false, hint = "", option = null }) {
  const dialog = byId("dialog");
  const field = label && el(multiline ? "textarea" : "input", { class: "field", name: "answer", rows: multiline ? "5" : null, autocomplete: "off", maxlength: multiline ? "50000" : "100" });
  if (field) field.value = value;
  const box = option && el("input", { type: "checkbox" });
  return new Promise((resolve) => {
    const finish = (answer) => {
      dialog.close();
      if (answer !== null && box?.checked) option.onChosen();
      resolve(answer);
    };
    const form = el("form", { method: "dialog", on: { submit: (event) => { event.preventDefault(); finish(field ? field.value : ""); } } },
      el("h2", { text: title }), hint && el("p", { class: "hint", text: hint }),
      field && el("label", {}, el("span", { text: label }), field),
      box && el("label", { class: "option" }, box, el("span", { text: option.label })),
      el("div", { class: "dialog-buttons" },
        el("button", { type: "button", class: "button quiet", text: "Cancel", on: { click: () => finish(null) } }),
        el("button", { type: "submit", class: danger ? "button danger" : "button primary", text: action })));
    dialog.replaceChildren(form);
    dialog.oncancel = (event) => { event.preventDefault(); finish(null); };
    dialog.showModal();
    field?.focus();
    field?.select();
  });
}
