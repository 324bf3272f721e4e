// SpreadsheetApp.getUi(): questions that a person at the page answers, or a caller of the API; and menus.

const Button = makeEnum("Button", "CLOSE", "OK", "CANCEL", "YES", "NO");
const ButtonSet = makeEnum("ButtonSet", "OK", "OK_CANCEL", "YES_NO", "YES_NO_CANCEL");

/** The arguments of prompt and alert: (text), (text, buttons) or (title, text, buttons). */
function dialog(kind, args) {
  const [title, text, buttons] = args.length === 3 ? args : ["", args[0], args[1] ?? ButtonSet.OK];
  return host("ui.dialog", kind, String(title), String(text), String(buttons));
}

class PromptResponse {
  constructor(answer) { holding(this, answer); }

  getSelectedButton() { return Button[this[HELD].button]; }
  getResponseText() { return this[HELD].text; }
  toString() { return "PromptResponse"; }
}

class Menu {
  constructor(caption) { holding(this, { caption, items: [] }); }

  addItem(caption, functionName) {
    this[HELD].items.push({ caption, functionName });
    return this;
  }
  addSeparator() {
    this[HELD].items.push(null);
    return this;
  }
  addSubMenu(menu) {
    this[HELD].items.push({ caption: menu[HELD].caption, items: menu[HELD].items });
    return this;
  }
  addToUi() { host("ui.menu", this[HELD].caption, this[HELD].items); }
  toString() { return "Menu"; }
}

const Ui = {
  Button,
  ButtonSet,
  prompt: (...args) => guarded("PromptResponse", new PromptResponse(dialog("prompt", args))),
  alert: (...args) => Button[dialog("alert", args).button],
  createMenu: (caption) => guarded("Menu", new Menu(caption)),
  createAddonMenu: () => guarded("Menu", new Menu("Add-on")),
  toString: () => "Ui",
};

function getUi() {
  if (!job.hasUi) throw new Exception("Cannot call SpreadsheetApp.getUi() from this context.");
  needScope("SpreadsheetApp.getUi", "script.container.ui", "spreadsheets.currentonly", "spreadsheets");
  return guarded("Ui", Ui);
}

publish("Browser", {
  Buttons: ButtonSet,
  msgBox: (...args) => String(getUi().alert(...args)).toLowerCase(),
  inputBox(...args) {
    const answer = getUi().prompt(...args);
    return answer.getSelectedButton() === Button.OK || answer.getSelectedButton() === Button.YES ? answer.getResponseText() : "cancel";
  },
});
