/** The side panel for edit events: where edits made on this page are announced, and how that went. */
import { call } from "./api.js";
import { byId, el, icon } from "./dom.js";

const PATH = "/page/api/on-edit";

export class AnnouncementsPanel {
  constructor(app) {
    this.app = app;
    this.url = el("input", { class: "field", id: "on-edit-url", type: "url", placeholder: "http://127.0.0.1:8000/on-edit", autocomplete: "off", spellcheck: "false" });
    this.state = el("div", { class: "state", role: "status" });
    this.recent = el("ul", { class: "plain-list", id: "announcements", "aria-label": "Latest edit events" });
    const form = el("form", { class: "stack", on: { submit: (event) => this.save(event) } },
      el("p", { class: "hint", text: "Each edit made on this page is sent as JSON to this address, as an onEdit trigger would. Leave it empty to send none." }),
      el("label", {}, el("span", { text: "Address" }), this.url),
      el("button", { type: "submit", class: "button outline", text: "Save" }));
    byId("panel-announcements").append(el("div", { class: "stack" }, form, this.state, this.recent));
  }

  async save(event) {
    event.preventDefault();
    try {
      this.show(await call("PUT", PATH, { url: this.url.value.trim() || null }));
      this.app.toast(this.url.value.trim() ? "Edits are announced to the new address." : "Edits are no longer announced.");
    } catch (error) {
      this.app.toast(error.message, "error");
    }
  }

  /** @param {object} state url, waiting, delivered, failed, recent */
  show(state) {
    if (document.activeElement !== this.url) this.url.value = state.url ?? "";
    const counts = [`${state.delivered} delivered`, state.waiting && `${state.waiting} waiting`, state.failed && `${state.failed} failed`].filter(Boolean);
    const bad = state.recent[0]?.status === "failed" || state.recent.some((one) => one.status === "waiting" && one.error);
    this.state.className = `state ${bad ? "bad" : "good"}`;
    this.state.replaceChildren(icon(bad ? "error" : state.url ? "check_circle" : "notifications_off"), el("span", { text: state.url || state.recent.length ? counts.join(" · ") : "No address set" }));
    byId("open-announcements").dataset.alert = String(bad);
    this.recent.replaceChildren(...state.recent.map((one) => this.row(one)));
  }

  row(one) {
    const time = new Date(one.time).toLocaleTimeString([], { hour12: false });
    const status = { delivered: "delivered", failed: `failed after ${one.tries} tries`, waiting: one.error ? `try ${one.tries} failed` : "waiting" }[one.status];
    return el("li", { class: one.status },
      el("span", {}, el("span", { text: one.range ?? one.title ?? one.changeType }), one.error && el("div", { class: "hint", text: one.error })),
      el("small", { text: `${status} · ${time}` }));
  }
}
