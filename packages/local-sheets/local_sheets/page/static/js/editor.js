/**
 * Typing. One text field follows the active cell and always holds the keyboard: invisible while people move about,
 * in view as soon as they type. The formula bar shows and edits the same text.
 */
import { nextForm, rectToA1 } from "./a1.js";
import { byId, el } from "./dom.js";
import { alignmentOf } from "./cell_style.js";
import { EMPTY } from "./tab.js";

const isTouch = matchMedia("(pointer: coarse)").matches;

export class Editor {
  constructor(app) {
    this.app = app;
    this.isOpen = false;
    this.field = el("textarea", { class: "cell-editor", spellcheck: "false", autocomplete: "off", autocapitalize: "off", rows: "1", "aria-label": "Cell", wrap: "off" });
    this.bar = byId("formula");
    app.grid.stage.append(el("div", { class: "pass", role: "row" }, el("div", { class: "pass", role: "gridcell" }, this.field)));
    for (const [from, to] of [[this.field, this.bar], [this.bar, this.field]]) {
      from.addEventListener("input", (event) => (this.isLate(event) ? this.follow() : this.onTyped(from, to)));
    }
    this.bar.addEventListener("focus", () => this.open({ keepText: true, focus: false }));
    this.bar.addEventListener("keydown", (event) => this.onBarKey(event));
    app.selection.onChange(() => this.follow());
  }

  /** The keyboard goes to the cells, unless people are typing elsewhere. */
  focus() {
    if (isTouch && !this.isOpen) this.field.setAttribute("inputmode", "none");
    this.field.focus({ preventScroll: true });
    // A closing dialog gives the focus back without a caret, and keys would go nowhere.
    if (!this.isOpen) this.field.select();
  }

  get target() {
    return this.app.selection.overMerges({
      top: this.app.selection.active.row, bottom: this.app.selection.active.row,
      left: this.app.selection.active.column, right: this.app.selection.active.column,
    });
  }

  cell() {
    const { top, left } = this.target;
    return this.app.tab?.cell(top, left) ?? EMPTY;
  }

  /** Moves to the newly active cell; called on every change of the selection and every drawing. */
  follow() {
    if (!this.app.tab || !this.app.grid.view) return;
    if (!this.isOpen) {
      this.field.value = "";
      if (document.activeElement !== this.bar) this.bar.value = this.cell().raw;
      const { top, left } = this.target;
      this.field.setAttribute("aria-label", `${rectToA1({ top, left, bottom: top, right: left })} ${this.cell().text}`);
    }
    this.place();
  }

  place() {
    const box = this.app.grid.rectOf(this.target);
    const { style } = this.field;
    // Even where its cell is far out of view the field stays near the stage: browsers scroll to a field with the caret.
    const { clientWidth, clientHeight } = this.app.grid.scroller;
    style.left = `${Math.max(Math.min(box.left, clientWidth - 1), this.isOpen ? -box.width : 0)}px`;
    style.top = `${Math.max(Math.min(box.top, clientHeight - box.height), this.isOpen ? -box.height : 0)}px`;
    style.minWidth = `${box.width + 1}px`;
    style.minHeight = `${box.height + 1}px`;
    if (!this.isOpen) {
      style.width = `${box.width}px`;
      style.height = `${box.height}px`;
      return;
    }
    const room = this.app.grid.scroller;
    style.width = "0";
    style.height = "0";
    style.width = `${Math.min(Math.max(this.field.scrollWidth + 6, box.width + 1), Math.max(room.clientWidth - box.left - 8, box.width))}px`;
    style.height = `${Math.min(Math.max(this.field.scrollHeight, box.height + 1), Math.max(room.clientHeight - box.top - 8, box.height))}px`;
  }

  /** Browsers take back what was typed long ago, wherever the keyboard is: while nobody types, that is no text for the active cell. */
  isLate(event) {
    return !this.isOpen && event.inputType?.startsWith("history");
  }

  /** Where people type: the cell, or the formula bar. */
  get typing() {
    return document.activeElement === this.bar ? this.bar : this.field;
  }

  /** Whether a formula wants an operand at the caret, so that a press on cells names them; what was just named may still change. */
  get awaitsCells() {
    const { value, selectionStart: caret } = this.typing;
    if (!this.isOpen || !value.startsWith("=")) return false;
    const before = value.slice(0, caret);
    return this.named?.end === caret || (/[=(,;:+\-*/^&<>{\\]\s*$/.test(before) && before.split('"').length % 2 === 1);
  }

  /** Writes the address of cells into the formula. */
  name(rect) {
    const { typing } = this;
    const start = this.named?.end === typing.selectionStart ? this.named.start : typing.selectionStart;
    typing.setRangeText(rectToA1(rect), start, typing.selectionEnd, "end");
    this.onTyped(typing, typing === this.bar ? this.field : this.bar);
    this.named = { start, end: typing.selectionEnd };
  }

  /** F4: the reference at the caret with other parts fixed. */
  nextForm() {
    const { typing } = this;
    const next = typing.value.startsWith("=") && nextForm(typing.value, typing.selectionStart);
    if (!next) return;
    typing.setRangeText(next.text, next.start, next.end, "end");
    this.onTyped(typing, typing === this.bar ? this.field : this.bar);
  }

  onTyped(from, to) {
    this.named = null;
    if (!this.isOpen) this.open({ keepText: true, focus: false });
    to.value = from.value;
    this.place();
  }

  /** Begins editing. With `keepText` the field's own text stands (people are typing over), else the cell's is shown. */
  open({ keepText = false, focus = true } = {}) {
    if (this.isOpen || !this.app.tab) return;
    this.isOpen = true;
    this.before = this.cell().raw;
    this.app.grid.reveal(this.target.top, this.target.left);
    if (!keepText) this.field.value = this.before;
    else if (document.activeElement === this.bar) this.field.value = this.bar.value;
    this.bar.value = this.field.value;
    this.field.removeAttribute("inputmode");
    this.field.classList.add("open");
    this.field.style.textAlign = alignmentOf(this.cell()) === "end" && !this.field.value.startsWith("=") ? "right" : "left";
    this.typedOver = keepText && document.activeElement === this.field;
    if (focus) {
      this.field.focus({ preventScroll: true });
      this.field.setSelectionRange(this.field.value.length, this.field.value.length);
    }
    this.place();
  }

  /** Ends editing and writes the text if it differs from before. */
  commit() {
    if (!this.isOpen) return;
    const text = this.field.value;
    const { top, left } = this.target;
    this.shut();
    if (text !== this.before) this.app.actions.typeText(top, left, text);
    this.follow();
  }

  cancel() {
    if (!this.isOpen) return;
    this.shut();
    this.follow();
  }

  shut() {
    this.isOpen = false;
    this.named = null;
    this.field.classList.remove("open");
    this.field.value = "";
    if (isTouch) this.field.setAttribute("inputmode", "none");
  }

  onBarKey(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") this.cancel();
    else if (event.key === "F4") {
      this.nextForm();
      event.preventDefault();
      return;
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.commit();
      this.app.keyboard.advance(event);
    } else return;
    event.preventDefault();
    this.focus();
    this.follow();
  }
}
