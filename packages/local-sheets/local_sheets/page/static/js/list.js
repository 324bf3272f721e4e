/** The list of spreadsheets: open one, create one. */
import { api } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { ask } from "./menu.js";

function when(time) {
  const minutes = Math.round((Date.now() - new Date(time)) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)} h ago`;
  return new Date(time).toLocaleDateString(undefined, { dateStyle: "medium" });
}

function card(spreadsheet) {
  return el("li", {}, el("a", { class: "card", href: `/spreadsheets/d/${encodeURIComponent(spreadsheet.id)}/edit` },
    el("span", { class: "card-icon" }, icon("table")),
    el("span", { class: "card-text" },
      el("span", { class: "card-title", text: spreadsheet.title }),
      el("span", { class: "card-id", text: spreadsheet.id })),
    el("time", { class: "card-time", datetime: spreadsheet.modified, text: when(spreadsheet.modified) })));
}

async function show() {
  const spreadsheets = await api.list();
  byId("spreadsheets").replaceChildren(...spreadsheets.map(card));
  byId("none").hidden = spreadsheets.length > 0;
}

async function create() {
  const title = await ask({ title: "New spreadsheet", label: "Title", value: "Untitled spreadsheet", action: "Create" });
  if (title === null) return;
  const { id } = await api.create(title.trim() || "Untitled spreadsheet");
  location.href = `/spreadsheets/d/${encodeURIComponent(id)}/edit`;
}

function fail(error) {
  byId("failure").hidden = false;
  byId("failure-text").textContent = error.message;
}

byId("create").addEventListener("click", () => create().catch(fail));
show().catch(fail);
addEventListener("focus", () => show().catch(fail));
