/**
 * Filters: the tab's own, which hides rows for all, and filter views, which hide them for who looks. The menu in a header
 * sorts, filters by a condition, and by values.
 */
import { columnLetters, rectToA1, toGridRange } from "./a1.js";
import { api } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { ask } from "./menu.js";
import { EMPTY } from "./tab.js";

/** Names of conditions, their type in the API, how many values each takes. */
const CONDITIONS = [
  ["None", "", 0], ["Is empty", "BLANK", 0], ["Is not empty", "NOT_BLANK", 0],
  ["Text contains", "TEXT_CONTAINS", 1], ["Text does not contain", "TEXT_NOT_CONTAINS", 1], ["Text starts with", "TEXT_STARTS_WITH", 1],
  ["Text ends with", "TEXT_ENDS_WITH", 1], ["Text is exactly", "TEXT_EQ", 1],
  ["Date is", "DATE_EQ", 1], ["Date is before", "DATE_BEFORE", 1], ["Date is after", "DATE_AFTER", 1],
  ["Greater than", "NUMBER_GREATER", 1], ["Greater than or equal to", "NUMBER_GREATER_THAN_EQ", 1], ["Less than", "NUMBER_LESS", 1],
  ["Less than or equal to", "NUMBER_LESS_THAN_EQ", 1], ["Is equal to", "NUMBER_EQ", 1], ["Is not equal to", "NUMBER_NOT_EQ", 1],
  ["Is between", "NUMBER_BETWEEN", 2], ["Is not between", "NUMBER_NOT_BETWEEN", 2],
  ["Custom formula is", "CUSTOM_FORMULA", 1],
];

export class Filters {
  constructor(app) {
    this.app = app;
    this.bar = el("div", { class: "banner", role: "status", hidden: true });
    byId("grid").before(this.bar);
  }

  /** The filter in force on the tab: the view that is looked through, else the tab's own, else null. */
  current(tab = this.app.tab) {
    const filters = tab?.properties.filters;
    if (!filters) return null;
    return tab.filterView === null ? filters.basic : filters.views.find((one) => one.id === tab.filterView) ?? null;
  }

  /** What a header cell shows: "" for no filter, "on" where it filters, "off" where it may. */
  markAt(tab, row, column) {
    const filter = this.current(tab);
    if (!filter || row !== filter.rect.top || column < filter.rect.left || column > filter.rect.right) return "";
    return filter.criteria[column] ? "on" : "off";
  }

  /** The block of filled cells around the active one, or the selection where it is more than one cell. */
  async region() {
    const { tab, selection, spreadsheetId } = this.app;
    if (!selection.isOneCell) return { ...selection.rect };
    const row = tab.properties.frozenRows ? 0 : selection.active.row;
    const header = await api.cells(spreadsheetId, tab.sheetId, [row, row + 1], [0, tab.columnCount]);
    const filled = new Set(header.cells.filter(([, , text]) => text !== "").map(([, column]) => column));
    let [left, right] = [selection.active.column, selection.active.column];
    while (filled.has(left - 1)) left -= 1;
    while (filled.has(right + 1)) right += 1;
    return { top: row, bottom: tab.rowCount - 1, left, right };
  }

  async toggle() {
    const { app } = this;
    const { tab } = app;
    app.editor.commit();
    if (tab.properties.filters.basic) {
      await app.actions.batch([{ clearBasicFilter: { sheetId: tab.sheetId } }], "OTHER", null);
      return;
    }
    const rect = await this.region();
    await app.actions.batch([{ setBasicFilter: { filter: { range: toGridRange(tab.sheetId, rect) } } }], "OTHER", null);
  }

  /** Items of the menu of filters and views. */
  items() {
    const { tab } = this.app;
    const { basic, views } = tab.properties.filters;
    const view = tab.filterView === null ? null : this.current();
    return [
      { label: basic ? "Remove the filter" : "Filter these cells", icon: basic ? "filter_alt_off" : "filter_alt", run: () => this.toggle() },
      "-",
      ...views.map((one) => ({ label: one.title, icon: one === view ? "check_circle" : "", run: () => this.lookThrough(one.id) })),
      { label: "New filter view", icon: "add", run: () => this.addView() },
      view && { label: "Rename this view", icon: "edit", run: () => this.renameView(view) },
      view && { label: "Delete this view", icon: "delete", run: () => this.deleteView(view) },
      view && { label: "Leave this view", icon: "close", run: () => this.lookThrough(null) },
    ];
  }

  async addView() {
    const { app } = this;
    const { basic } = app.tab.properties.filters;
    const range = basic?.range ?? toGridRange(app.tab.sheetId, await this.region());
    const answer = await app.actions.batch([{ addFilterView: { filter: { range: { sheetId: app.tab.sheetId, ...range } } } }], "OTHER", null);
    const added = answer?.replies?.[0]?.addFilterView?.filter.filterViewId;
    if (added === undefined) return;
    await app.reload({ flash: false });
    await this.lookThrough(added);
  }

  async renameView(view) {
    const title = await ask({ title: "Rename the view", label: "Title", value: view.title, action: "Rename" });
    if (title) this.app.actions.batch([{ updateFilterView: { filter: { filterViewId: view.id, title }, fields: "title" } }], "OTHER", null);
  }

  async deleteView(view) {
    await this.lookThrough(null);
    this.app.actions.batch([{ deleteFilterView: { filterId: view.id } }], "OTHER", null);
  }

  /** Looks through a filter view; null: as everybody sees the tab. */
  async lookThrough(id) {
    const { tab } = this.app;
    tab.filterView = id;
    await tab.loadLayout();
    this.showBar();
  }

  showBar() {
    const { tab } = this.app;
    if (tab && tab.filterView !== null && !this.current()) tab.filterView = null;
    const view = tab && tab.filterView !== null ? this.current() : null;
    this.bar.hidden = !view;
    if (!view) return;
    this.bar.replaceChildren(icon("filter_alt"), el("span", { text: `${view.title}: ${rectToA1(view.rect)}, hidden rows are hidden for you alone` }),
      el("button", { type: "button", class: "button outline", text: "Leave the view", on: { click: () => this.lookThrough(null) } }));
  }

  /** Opens the menu of a header cell; false where it belongs to no filter. */
  open(row, column) {
    const { app } = this;
    if (!this.markAt(app.tab, row, column)) return false;
    const box = app.grid.rectOf({ top: row, bottom: row, left: column, right: column });
    const stage = app.grid.stage.getBoundingClientRect();
    api.filter(app.spreadsheetId, app.tab.sheetId, column, app.tab.filterView)
      .then((state) => this.showMenu(stage.left + box.left, stage.top + box.top + box.height, column, state))
      .catch((error) => app.toast(error.message, "error"));
    return true;
  }

  showMenu(x, y, column, state) {
    const { app } = this;
    const form = new FilterForm(state, (criteria) => {
      app.menu.close();
      if (criteria !== undefined) this.apply(column, criteria);
    });
    const sort = (order) => () => this.sort(column, order);
    const name = app.tab.cell(this.current().rect.top, column) ?? EMPTY;
    app.menu.open(x, y, [
      app.tab.filterView === null && { label: "Sort A to Z", icon: "arrow_downward", run: sort("ASCENDING") },
      app.tab.filterView === null && { label: "Sort Z to A", icon: "arrow_upward", run: sort("DESCENDING") },
      app.tab.filterView === null && "-",
      form.node,
    ], `Filter of ${name.text || columnLetters(column)}`);
  }

  sort(column, sortOrder) {
    const { tab, actions } = this.app;
    const { rect } = this.current();
    const body = { ...rect, top: rect.top + 1 };
    return actions.batch([{ sortRange: { range: toGridRange(tab.sheetId, body), sortSpecs: [{ dimensionIndex: column, sortOrder }] } }], "OTHER", body);
  }

  /** Filters by a column's criteria; null takes them away. */
  async apply(column, criteria) {
    const { tab, actions } = this.app;
    const filter = this.current();
    const { [column]: _, ...others } = filter.criteria;
    const all = criteria ? { ...others, [column]: criteria } : others;
    const range = { sheetId: tab.sheetId, ...filter.range };
    const request = tab.filterView === null
      ? { setBasicFilter: { filter: { range, criteria: all } } }
      : { updateFilterView: { filter: { filterViewId: tab.filterView, range, criteria: all }, fields: "criteria" } };
    await actions.batch([request], "OTHER", null);
  }
}

/** The condition and the values of one column, as a form; says what was chosen: criteria, null for none, undefined for no change. */
class FilterForm {
  constructor(state, onDone) {
    this.state = state;
    this.onDone = onDone;
    this.shown = new Map(state.values);
    this.condition = el("select", { class: "field", "aria-label": "Condition", on: { change: () => this.showFields() } }, ...CONDITIONS.map(([label, type]) => el("option", { value: type, text: label })));
    this.condition.value = state.condition?.type ?? "";
    this.fields = [0, 1].map((index) => {
      const field = el("input", { class: "field", "aria-label": index ? "And" : "Value", autocomplete: "off" });
      field.value = state.condition?.values?.[index]?.userEnteredValue ?? "";
      return field;
    });
    this.search = el("input", { class: "field", type: "search", placeholder: "Search values", "aria-label": "Search values", on: { input: () => this.showValues() } });
    this.values = el("div", { class: "filter-values", role: "group", "aria-label": "Values" });
    const all = (isShown) => el("button", { type: "button", class: "link", text: isShown ? "Select all" : "Clear", on: { click: () => this.setAll(isShown) } });
    this.node = el("form", { class: "filter-form", on: { submit: (event) => this.submit(event) } },
      el("label", {}, el("span", { text: "Filter by condition" }), this.condition), ...this.fields,
      el("div", { class: "filter-all" }, el("span", { text: "Filter by values" }), all(true), all(false)),
      this.search, this.values, !state.isWhole && el("p", { class: "hint", text: "There are more values: use a condition." }),
      el("div", { class: "dialog-buttons" },
        el("button", { type: "button", class: "button quiet", text: "Cancel", on: { click: () => onDone(undefined) } }),
        el("button", { type: "submit", class: "button primary", text: "OK" })));
    this.showFields();
    this.showValues();
  }

  showFields() {
    const count = CONDITIONS.find(([, type]) => type === this.condition.value)?.[2] ?? 0;
    this.fields.forEach((field, index) => { field.hidden = index >= count; });
  }

  matching() {
    const wanted = this.search.value.trim().toLowerCase();
    return [...this.shown.keys()].filter((text) => text.toLowerCase().includes(wanted));
  }

  showValues() {
    this.values.replaceChildren(...this.matching().slice(0, 300).map((text) => {
      const box = el("input", { type: "checkbox", on: { change: () => this.shown.set(text, box.checked) } });
      box.checked = this.shown.get(text);
      return el("label", { class: "option" }, box, el("span", { text: text || "(Blanks)" }));
    }));
  }

  setAll(isShown) {
    for (const text of this.matching()) this.shown.set(text, isShown);
    this.showValues();
  }

  submit(event) {
    event.preventDefault();
    const criteria = {};
    const hidden = [...this.state.hidden, ...[...this.shown].filter(([, isShown]) => !isShown).map(([text]) => text)];
    if (hidden.length) criteria.hiddenValues = hidden;
    const type = this.condition.value;
    const values = this.fields.filter((field) => !field.hidden).map((field) => ({ userEnteredValue: field.value.trim() }));
    if (type && values.every((one) => one.userEnteredValue !== "")) criteria.condition = { type, ...(values.length && { values }) };
    this.onDone(Object.keys(criteria).length ? criteria : null);
  }
}
