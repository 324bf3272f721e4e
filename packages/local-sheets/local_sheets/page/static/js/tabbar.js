/** The tabs at the bottom: choose, add, rename, delete; and what the selection amounts to. */
import { byId, el, iconButton, whenReleased } from "./dom.js";
import { ask } from "./menu.js";

export class TabBar {
  constructor(app) {
    this.app = app;
    this.list = byId("tabs");
    byId("add-tab").append(iconButton("add", "Add a tab", () => app.commands.addTab()));
    app.selection.onChange(() => this.showSummary());
  }

  show() {
    whenReleased(this.list, () => this.showNow());
  }

  showNow() {
    const { app } = this;
    const visible = [...app.tabs.values()].filter((tab) => !tab.properties.hidden || tab === app.tab);
    this.list.replaceChildren(...visible.map((tab) => this.tabNode(tab)));
    this.list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  tabNode(tab) {
    const { app } = this;
    const isCurrent = tab === app.tab;
    const openMenu = (event) => {
      event.preventDefault();
      const box = event.currentTarget.getBoundingClientRect();
      app.menu.open(box.left, box.top - 4, this.items(tab));
    };
    const onClick = (event) => (isCurrent ? openMenu(event) : app.show(tab.sheetId));
    const node = el("button", {
      type: "button", class: "tab", role: "tab", "aria-selected": String(isCurrent), "data-opens-menu": "", title: isCurrent ? "Rename, delete" : tab.title,
      on: { click: onClick, dblclick: () => this.rename(tab), contextmenu: openMenu },
    }, el("span", { class: "tab-title", text: tab.title }));
    if (tab.properties.colour) node.style.setProperty("--tab-colour", tab.properties.colour);
    return node;
  }

  items(tab) {
    const { actions, toolbar, tabs } = this.app;
    const all = [...tabs.values()];
    const shown = all.filter((one) => !one.properties.hidden || one === tab);
    const place = shown.indexOf(tab);
    const [before, after] = [shown[place - 1], shown[place + 1]];
    const box = this.list.querySelector('[aria-selected="true"]')?.getBoundingClientRect() ?? { left: 0, bottom: innerHeight };
    return [
      { label: "Rename", icon: "edit", run: () => this.rename(tab) },
      { label: "Duplicate", icon: "table_view", run: () => this.duplicate(tab) },
      { label: "Colour", icon: "format_color_fill", run: () => toolbar.openTabColours(box, (hex) => actions.colourTab(tab, hex)) },
      { label: "Move left", disabled: !before, run: () => actions.moveTab(tab, before.properties.index) },
      { label: "Move right", disabled: !after, run: () => actions.moveTab(tab, after.properties.index + 1) },
      { label: "Hide", icon: "visibility_off", disabled: shown.length < 2, run: () => this.hide(tab, after ?? before) },
      ...all.filter((one) => one.properties.hidden).map((one) => ({ label: `Show \u201c${one.title}\u201d`, icon: "visibility", run: () => actions.hideTab(one, false) })),
      { label: "Delete", icon: "delete", disabled: this.app.tabs.size < 2, run: () => this.remove(tab) },
    ];
  }

  async rename(tab) {
    this.app.menu.close();
    const title = await ask({ title: "Rename the tab", label: "Title", value: tab.title, action: "Rename" });
    if (title && title !== tab.title) this.app.actions.renameTab(tab, title);
  }

  hide(tab, neighbour) {
    if (tab === this.app.tab) this.app.show(neighbour.sheetId);
    this.app.actions.hideTab(tab, true);
  }

  async duplicate(tab) {
    const { app } = this;
    const answer = await app.actions.duplicateTab(tab);
    const added = answer?.replies?.[0]?.duplicateSheet?.properties.sheetId;
    if (added === undefined) return;
    await app.reload({ flash: false });
    if (app.tabs.has(added)) app.show(added);
  }

  async remove(tab) {
    const sure = await ask({ title: `Delete “${tab.title}”?`, hint: "The tab and all its cells go away, for everybody.", action: "Delete", danger: true });
    if (sure !== null) this.app.actions.deleteTab(tab);
  }

  /** Size of the selection; count, sum and average where all of it is in the browser. */
  showSummary() {
    const { selection, tab } = this.app;
    const node = byId("summary");
    if (!tab || selection.isOneCell) {
      node.textContent = tab ? `${tab.rowCount.toLocaleString()} rows` : "";
      return;
    }
    const { top, bottom, left, right } = selection.rect;
    const filled = tab.filledIn(selection.rect);
    const numbers = (filled ?? []).map((cell) => cell.value).filter((value) => Number.isFinite(value));
    const sum = numbers.reduce((total, value) => total + value, 0);
    const size = `${(bottom - top + 1).toLocaleString()} × ${(right - left + 1).toLocaleString()}`;
    const round = (value) => Number(value.toPrecision(12)).toLocaleString(undefined, { maximumFractionDigits: 4 });
    if (!filled) node.textContent = size;
    else if (numbers.length > 1) node.textContent = `Sum ${round(sum)} · Average ${round(sum / numbers.length)} · Count ${filled.length}`;
    else node.textContent = `${size} · Count ${filled.length}`;
  }
}
