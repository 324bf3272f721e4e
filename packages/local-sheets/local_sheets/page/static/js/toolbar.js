/** Formats, sorting, inserting: the row of buttons over the grid. */
import { columnLetters, rectsMeet, toApiColour } from "./a1.js";
import { byId, el, icon, iconButton } from "./dom.js";
import { ask } from "./menu.js";
import { EMPTY } from "./tab.js";

/** Calm colours that read well in both schemes; the first row for text, the second for grounds. */
const TEXT_COLOURS = ["#1b1f24", "#57606a", "#b42318", "#b54708", "#8a6100", "#027a48", "#0e7090", "#175cd3", "#6941c6", "#c11574"];
const FILL_COLOURS = ["#f2f4f7", "#e4e7ec", "#fee4e2", "#ffead5", "#fef3c7", "#d1fadf", "#cff9fe", "#d6e4ff", "#e9d7fe", "#fce7f6"];

const NUMBER_FORMATS = [
  ["Automatic", "", null],
  ["Plain text", "abc", { type: "TEXT", pattern: "@" }],
  ["Number", "1,000.12", { type: "NUMBER", pattern: "#,##0.00" }],
  ["Whole number", "1,000", { type: "NUMBER", pattern: "#,##0" }],
  ["Percent", "12.5%", { type: "PERCENT", pattern: "0.00%" }],
  ["Currency", "$1,000.12", { type: "CURRENCY", pattern: '"$"#,##0.00' }],
  ["Date", "2026-09-26", { type: "DATE", pattern: "yyyy-mm-dd" }],
  ["Time", "15:59:00", { type: "TIME", pattern: "hh:mm:ss" }],
  ["Date and time", "2026-09-26 15:59:00", { type: "DATE_TIME", pattern: "yyyy-mm-dd hh:mm:ss" }],
];

const TEXT_TOGGLES = { bold: "format_bold", italic: "format_italic", underline: "format_underlined", strikethrough: "strikethrough_s" };

export class Toolbar {
  constructor(app) {
    this.app = app;
    this.toggles = {};
    const bar = byId("toolbar");
    const group = (...nodes) => el("div", { class: "group" }, ...nodes);
    for (const [name, sign] of Object.entries(TEXT_TOGGLES)) {
      const key = { bold: " (Ctrl+B)", italic: " (Ctrl+I)", underline: " (Ctrl+U)" }[name] ?? "";
      this.toggles[name] = iconButton(sign, name[0].toUpperCase() + name.slice(1) + key, () => this.toggle(name), { "aria-pressed": "false" });
    }
    const opener = (sign, title, open) => iconButton(sign, title, (event) => open(event.currentTarget.getBoundingClientRect()), { "data-opens-menu": "", "aria-haspopup": "menu" });
    this.undo = iconButton("undo", "Undo (Ctrl+Z)", () => app.history.take(false), { disabled: true });
    this.redo = iconButton("redo", "Redo (Ctrl+Y)", () => app.history.take(true), { disabled: true });
    this.merged = iconButton("merge", "Merge cells", () => this.merge(), { "aria-pressed": "false" });
    bar.append(
      group(this.undo, this.redo),
      group(opener("123", "Number format", (box) => this.openNumberFormats(box))),
      group(...Object.values(this.toggles)),
      group(
        opener("format_color_text", "Text colour", (box) => this.openColours(box, TEXT_COLOURS, "Text colour", (hex) => this.setTextColour(hex))),
        opener("format_color_fill", "Fill colour", (box) => this.openColours(box, FILL_COLOURS, "Fill colour", (hex) => this.setFillColour(hex)))),
      group(
        iconButton("format_align_left", "Align left", () => this.align("LEFT")),
        iconButton("format_align_center", "Align centre", () => this.align("CENTER")),
        iconButton("format_align_right", "Align right", () => this.align("RIGHT")),
        iconButton("wrap_text", "Wrap text", () => this.wrap()),
        this.merged),
      group(
        iconButton("arrow_downward", "Sort A to Z by this column", () => this.sort("ASCENDING")),
        iconButton("arrow_upward", "Sort Z to A by this column", () => this.sort("DESCENDING")),
        opener("filter_alt", "Filter", (box) => app.menu.open(box.left, box.bottom + 4, app.filters.items()))),
      group(
        opener("table_rows", "Rows", (box) => app.menu.open(box.left, box.bottom + 4, app.commands.rowItems())),
        opener("view_column", "Columns", (box) => app.menu.open(box.left, box.bottom + 4, app.commands.columnItems())),
        iconButton("add_column_right", "Add a column of your own", () => app.commands.askForColumn()),
        iconButton("sticky_note_2", "Note", () => app.commands.askForNote()),
        iconButton("add_comment", "Comment (Ctrl+Alt+M)", () => app.panels.comments.begin())));
    // A press on a button leaves the keyboard where it is: in the cells.
    bar.addEventListener("pointerdown", (event) => event.pointerType === "touch" || event.preventDefault());
    bar.addEventListener("mousedown", (event) => event.preventDefault());
    app.selection.onChange(() => this.showState());
  }

  cell() {
    const { row, column } = this.app.selection.active;
    return this.app.tab?.cell(row, column) ?? EMPTY;
  }

  showState() {
    const { steps } = this.app.history;
    this.undo.disabled = !steps.undo;
    this.redo.disabled = !steps.redo;
    this.merged.setAttribute("aria-pressed", String(this.isMerged()));
    const { format } = this.cell();
    for (const [name, button] of Object.entries(this.toggles)) button.setAttribute("aria-pressed", String(Boolean(format[name])));
  }

  format(userEnteredFormat, ...fields) {
    this.app.editor.commit();
    return this.app.actions.format(this.app.selection.rect, userEnteredFormat, fields);
  }

  toggle(name) {
    this.format({ textFormat: { [name]: !this.cell().format[name] } }, `textFormat.${name}`);
  }

  align(horizontalAlignment) {
    this.format({ horizontalAlignment }, "horizontalAlignment");
  }

  wrap() {
    this.format({ wrapStrategy: this.cell().format.wrap === "WRAP" ? "OVERFLOW_CELL" : "WRAP" }, "wrapStrategy");
  }

  isMerged() {
    const { selection, tab } = this.app;
    return Boolean(tab?.properties.merges.some((merge) => rectsMeet(merge, selection.rect)));
  }

  async merge() {
    const { app } = this;
    const { rect, isOneCell } = app.selection;
    const isMerged = this.isMerged();
    if (isOneCell && !isMerged) return;
    app.editor.commit();
    const filled = app.tab.filledIn(rect);
    const hint = "Only the value of the first cell, at the top on the left, is kept.";
    if (!isMerged && (!filled || filled.length > 1) && (await ask({ title: "Merge these cells?", hint, action: "Merge" })) === null) return;
    app.actions.merge(app.clipboard.trimmed(rect), isMerged);
  }

  setTextColour(hex) {
    this.format(hex ? { textFormat: { foregroundColorStyle: { rgbColor: toApiColour(hex) } } } : {}, "textFormat.foregroundColorStyle");
  }

  setFillColour(hex) {
    this.format(hex ? { backgroundColorStyle: { rgbColor: toApiColour(hex) } } : {}, "backgroundColorStyle");
  }

  async sort(order) {
    const { column } = this.app.selection.active;
    if (await this.app.actions.sort(column, order)) this.app.toast(`Sorted by column ${columnLetters(column)}, ${order === "ASCENDING" ? "A to Z" : "Z to A"}.`);
  }

  openNumberFormats(box) {
    const items = NUMBER_FORMATS.map(([label, example, numberFormat]) => ({
      label, key: example, icon: "", run: () => this.format(numberFormat ? { numberFormat } : {}, "numberFormat"),
    }));
    this.app.menu.open(box.left, box.bottom + 4, items);
  }

  openTabColours(box, choose) {
    this.openColours({ left: box.left, bottom: box.top }, TEXT_COLOURS.slice(1), "Colour of the tab", choose);
  }

  openColours(box, colours, title, choose) {
    const pick = (hex) => () => {
      this.app.menu.close();
      choose(hex);
    };
    const swatches = colours.map((hex) => {
      const button = el("button", { type: "button", class: "swatch", title: hex, "aria-label": `${title} ${hex}`, on: { click: pick(hex) } });
      button.style.background = hex;
      return button;
    });
    const own = el("input", { type: "color", "aria-label": `${title}: another`, on: { change: (event) => pick(event.target.value)() } });
    this.app.menu.open(box.left, box.bottom + 4, [
      el("div", { class: "swatches" }, ...swatches),
      el("label", { class: "menu-item" }, icon("colorize"), el("span", { class: "menu-label", text: "Another colour" }), own),
      { label: "None", icon: "format_color_reset", run: () => choose(null) },
    ]);
  }
}
