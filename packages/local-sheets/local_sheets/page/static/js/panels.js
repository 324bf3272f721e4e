/** The side panels: which one is open, and what the server's stream tells each of them. */
import { AnnouncementsPanel } from "./panel_announcements.js";
import { CommentsPanel } from "./panel_comments.js";
import { FaultsPanel } from "./panel_faults.js";
import { RequestsPanel } from "./panel_requests.js";
import { ScriptsPanel } from "./panel_scripts.js";
import { VersionsPanel } from "./panel_versions.js";
import { byId } from "./dom.js";

const REMEMBERED = "local-sheets-panel";
const WIDE = 1200;

export class Panels {
  constructor(app) {
    this.app = app;
    this.requests = new RequestsPanel();
    this.faults = new FaultsPanel(app);
    this.announcements = new AnnouncementsPanel(app);
    this.scripts = new ScriptsPanel(app);
    this.comments = new CommentsPanel(app);
    this.versions = new VersionsPanel(app);
    this.buttons = [...document.querySelectorAll("[data-panel]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.toggle(button.dataset.panel));
    byId("close-panel").addEventListener("click", () => this.open(null));
    const remembered = localStorage.getItem(REMEMBERED);
    this.open(remembered === null ? (innerWidth >= WIDE ? "requests" : null) : remembered || null, false);
  }

  /** What the stream's events do. */
  handlers() {
    return {
      request: (request) => {
        this.requests.add(request);
        if (request.fault) this.faults.loadSoon();
      },
      announcements: (state) => this.announcements.show(state),
      apps_script: (message) => this.scripts.on(message),
    };
  }

  toggle(name) {
    this.open(byId("panel").dataset.open === name ? null : name);
  }

  open(name, remember = true) {
    const panel = byId("panel");
    panel.hidden = name === null;
    panel.dataset.open = name ?? "";
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.panel === name));
    for (const section of panel.querySelectorAll("section")) section.hidden = section.id !== `panel-${name}`;
    byId("panel-title").textContent = { requests: "API requests", faults: "Faults", announcements: "Edit events", scripts: "Apps Script", comments: "Comments", versions: "Version history" }[name] ?? "";
    if (name === "versions") this.versions.load();
    if (remember) localStorage.setItem(REMEMBERED, name ?? "");
  }
}
