/** The side panel of versions: who changed the spreadsheet and when; a press shows it as it was then. */
import { api } from "./api.js";
import { byId, el, icon, whenReleased } from "./dom.js";
import { momentText } from "./history.js";

const PAUSE_MS = 300;

export class VersionsPanel {
  constructor(app) {
    this.app = app;
    this.list = el("ul", { class: "plain-list versions", id: "versions", "aria-label": "Versions, newest first" });
    byId("panel-versions").append(
      el("p", { class: "hint", text: "What one editor did without a long pause is one version. Looking at one changes nothing." }), this.list);
  }

  /** Reads the list soon, where the panel is open. */
  loadSoon() {
    if (byId("panel").dataset.open !== "versions") return;
    clearTimeout(this.loading);
    this.loading = setTimeout(() => this.load(), PAUSE_MS);
  }

  async load() {
    try {
      this.show(await api.versions(this.app.spreadsheetId));
    } catch (error) {
      this.app.toast(error.message, "error");
    }
  }

  show(versions) {
    whenReleased(this.list, () => this.showNow(versions));
  }

  showNow(versions) {
    const looked = this.app.history.version?.number;
    const focused = document.activeElement?.dataset.version;
    const rows = versions.map((version, index) => {
      const isShown = looked === undefined ? index === 0 : version.number === looked;
      const look = () => this.app.history.look(index === 0 ? null : version).then(() => this.show(versions));
      return el("li", {}, el("button", { type: "button", class: "version", "aria-pressed": String(isShown), dataset: { version: version.number }, on: { click: look } },
        icon(index === 0 ? "check_circle" : "history"), el("span", { class: "version-time", text: index === 0 ? "The present" : momentText(version.ended) }), el("small", { text: version.author })));
    });
    this.list.replaceChildren(...rows);
    if (focused) this.list.querySelector(`[data-version="${focused}"]`)?.focus();
  }
}
