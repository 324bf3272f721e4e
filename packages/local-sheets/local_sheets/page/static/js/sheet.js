/** The page of one spreadsheet: brings the parts together and keeps them true to the server. */
import { Actions } from "./actions.js";
import { api, client } from "./api.js";
import { Clipboard } from "./clipboard.js";
import { Commands } from "./commands.js";
import { byId } from "./dom.js";
import { Editor } from "./editor.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { wireHeader } from "./header.js";
import { History } from "./history.js";
import { Keyboard } from "./keyboard.js";
import { Live } from "./live.js";
import { Menu } from "./menu.js";
import { showNote, toast } from "./messages.js";
import { Mouse } from "./mouse.js";
import { Panels } from "./panels.js";
import { Selection } from "./selection.js";
import { Tab } from "./tab.js";
import { TabBar } from "./tabbar.js";
import { Toolbar } from "./toolbar.js";

class SheetPage {
  constructor(spreadsheetId) {
    this.spreadsheetId = spreadsheetId;
    this.tabs = new Map();
    this.tab = null;
    this.grid = new Grid(byId("grid"), {
      filterAt: (tab, row, column) => this.filters.markAt(tab, row, column),
      hasComment: (tab, row, column) => tab.asOf === null && this.panels.comments.at(row, column).length > 0,
    });
    this.selection = new Selection(this.grid);
    this.actions = new Actions(this);
    this.editor = new Editor(this);
    this.history = new History(this);
    this.filters = new Filters(this);
    this.clipboard = new Clipboard(this);
    this.keyboard = new Keyboard(this);
    this.menu = new Menu(() => this.editor.focus());
    this.mouse = new Mouse(this);
    this.toolbar = new Toolbar(this);
    this.tabbar = new TabBar(this);
    this.panels = new Panels(this);
    this.grid.onDrawn = () => {
      this.selection.draw();
      this.editor.follow();
    };
    this.commands = new Commands(this);
    wireHeader(this);
    byId("dialog").addEventListener("close", () => this.editor.focus());
  }

  async start() {
    await this.reload({ flash: false });
    const wanted = Number(/gid=(\d+)/.exec(location.hash)?.[1]);
    this.show(this.tabs.has(wanted) ? wanted : [...this.tabs.values()].find((tab) => !tab.properties.hidden).sheetId);
    addEventListener("hashchange", () => {
      const sheetId = Number(/gid=(\d+)/.exec(location.hash)?.[1]);
      if (this.tabs.has(sheetId) && sheetId !== this.tab.sheetId) this.show(sheetId);
    });
    this.live = new Live(`/page/api/stream?spreadsheetId=${encodeURIComponent(this.spreadsheetId)}`, {
      page_change: (message) => {
        this.history.onSteps(message.steps);
        message.changes.forEach((change) => this.onServerChange(change, message.client === client));
        this.panels.versions.loadSoon();
      },
      behind: () => this.refresh(false),
      ...this.panels.handlers(),
    }, (isOpen, isAgain) => {
      byId("live").dataset.state = isOpen ? "live" : "lost";
      byId("live-label").textContent = isOpen ? "Live" : "Reconnecting";
      if (isOpen && isAgain) this.refresh("few");
    });
    this.editor.focus();
    this.panels.scripts.greet();
    this.panels.comments.load();
  }

  /** Whether people can edit now; says why not. */
  mayEdit() {
    if (this.history.version === null) return true;
    this.toast("This is an earlier version: go back to the present to edit.", "error");
    return false;
  }

  /** Forgets all that was read, and shows the version that is looked at. */
  async startAnew() {
    const { sheetId } = this.tab;
    this.tabs = new Map();
    this.tab = null;
    await this.refresh(false);
    await this.show(this.tabs.has(sheetId) ? sheetId : [...this.tabs.values()].find((tab) => !tab.properties.hidden).sheetId);
  }

  /** Reads the spreadsheet's shape again: titles, tabs, sizes; and everything in view. */
  async reload({ flash }) {
    const asOf = this.history.version?.number ?? null;
    const spreadsheet = await api.spreadsheet(this.spreadsheetId, asOf);
    this.title = spreadsheet.title;
    this.names = spreadsheet.names;
    document.title = `${spreadsheet.title} – Local Sheets`;
    if (document.activeElement !== byId("title")) byId("title").value = spreadsheet.title;
    const before = this.tabs;
    this.tabs = new Map();
    for (const properties of spreadsheet.tabs) {
      const tab = before.get(properties.sheetId) ?? new Tab(this.spreadsheetId, properties, () => this.onTabChanged(tab), asOf);
      tab.onFailure = (error) => this.onReadFailure(error);
      tab.setProperties(properties);
      this.tabs.set(properties.sheetId, tab);
    }
    if (this.tab) {
      if (!this.tabs.has(this.tab.sheetId)) this.show([...this.tabs.values()].find((tab) => !tab.properties.hidden).sheetId);
      else {
        await this.tab.loadLayout();
        this.tab.invalidate(null, flash);
        this.selection.clamp();
        this.filters.showBar();
      }
      for (const tab of this.tabs.values()) if (tab !== this.tab) tab.outdated = true;
    }
    this.tabbar.show();
  }

  /** Reads everything again; a failure is told, and mended by the next change or connection. */
  refresh(flash) {
    return this.reload({ flash }).catch((error) => this.onReadFailure(error));
  }

  /** A server that is away shows at the top of the page; only its refusals need words. */
  onReadFailure(error) {
    if (error.status) this.toast(error.message, "error");
  }

  onTabChanged(tab) {
    if (tab !== this.tab) return;
    this.grid.redraw();
    this.toolbar.showState();
    this.tabbar.showSummary();
  }

  async show(sheetId) {
    this.editor.commit();
    if (this.tab) this.tab.selected = { anchor: this.selection.anchor, focus: this.selection.focus, kind: this.selection.kind };
    const tab = this.tabs.get(sheetId);
    this.tab = tab;
    history.replaceState(null, "", `#gid=${sheetId}`);
    this.tabbar.show();
    if (!tab.loaded || tab.outdated) {
      tab.invalidate(null, false);
      await tab.loadLayout();
      Object.assign(tab, { loaded: true, outdated: false });
    }
    if (this.tab !== tab) return;
    this.grid.setTab(tab);
    const selected = tab.selected ?? { anchor: { row: 0, column: 0 }, focus: { row: 0, column: 0 }, kind: "cells" };
    this.grid.draw();
    this.selection.set(selected.anchor, selected.focus, selected.kind);
    this.filters.showBar();
    this.editor.focus();
  }

  /** Somebody changed something: cells of one tab, or its shape. */
  onServerChange(change, isOwn) {
    if (change.kind === "comments") {
      this.panels.comments.load();
      return;
    }
    if (change.kind === "moved") this.clipboard.follow(change);
    if (this.history.version !== null) return;
    if (change.kind === "moved") {
      if (!isOwn && this.tab?.sheetId === change.sheetId) this.onMoved(change);
      return;
    }
    if (change.kind === "shape") {
      clearTimeout(this.reloading);
      this.reloading = setTimeout(() => this.refresh(isOwn ? false : "few"), 30);
      return;
    }
    const tab = this.tabs.get(change.sheetId);
    if (tab === this.tab) tab.invalidate(change.rect, !isOwn);
    else if (tab) tab.outdated = true;
  }

  /** Others moved rows or columns: what is selected, and what is being typed, goes along with its cell. */
  onMoved(change) {
    const wasTyping = this.editor.isOpen;
    if (this.selection.follow(change) || !wasTyping) return;
    this.editor.cancel();
    this.toast("The cell that you were typing into was deleted by somebody else.", "error");
  }

  toast(message, kind) {
    toast(message, kind);
  }

  showNote(hit) {
    showNote(this, hit);
  }
}

const page = new SheetPage(/\/spreadsheets\/d\/([^/]+)/.exec(location.pathname)[1]);
page.start().catch((error) => {
  byId("failure").hidden = false;
  byId("failure-text").textContent = error.message;
});
