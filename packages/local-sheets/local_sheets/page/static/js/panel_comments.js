/** Comments: a mark in the corner of their cells, and the side panel with what was said, to reply, resolve and delete. */
import { rectToA1 } from "./a1.js";
import { api } from "./api.js";
import { byId, el, iconButton, whenReleased } from "./dom.js";
import { momentText } from "./history.js";

export class CommentsPanel {
  constructor(app) {
    this.app = app;
    this.comments = [];
    this.text = el("textarea", { class: "field", rows: "2", id: "new-comment", maxlength: "4000" });
    this.place = el("span", { text: "Comment" });
    this.form = el("form", { class: "stack", on: { submit: (event) => this.add(event) } },
      el("label", {}, this.place, this.text), el("button", { type: "submit", class: "button outline", text: "Comment" }));
    this.done = el("input", { type: "checkbox", id: "show-resolved", on: { change: () => this.show() } });
    this.list = el("ul", { class: "comments", id: "comments", "aria-label": "Comments" });
    byId("panel-comments").append(this.form, el("label", { class: "option" }, this.done, el("span", { text: "Show resolved ones" })), this.list);
    app.selection.onChange(() => this.showPlace());
  }

  showPlace() {
    const { tab, selection } = this.app;
    if (tab) this.place.textContent = `Comment on ${rectToA1(selection.rect)}`;
    const { row, column } = selection.active;
    for (const node of this.list.children) node.classList.toggle("here", this.at(row, column).some((one) => one.id === node.dataset.comment));
  }

  /** The open comments on a cell of the tab that is shown. */
  at(row, column) {
    return this.comments.filter(({ sheetId, rect, resolved }) => rect && !resolved && sheetId === this.app.tab?.sheetId
      && row >= rect.top && row <= rect.bottom && column >= rect.left && column <= rect.right);
  }

  async load() {
    try {
      this.comments = await api.comments(this.app.spreadsheetId);
    } catch (error) {
      this.app.onReadFailure(error);
      return;
    }
    this.show();
    for (const tab of this.app.tabs.values()) tab.version += 1;
    this.app.grid.redraw();
  }

  /** Opens the panel, to say something on the selection. */
  begin() {
    this.app.panels.open("comments");
    this.text.focus();
  }

  async add(event) {
    event.preventDefault();
    const { tab, selection } = this.app;
    const content = this.text.value.trim();
    if (!content) return;
    const cell = tab.cell(selection.active.row, selection.active.column);
    const done = await this.change(() => api.addComment(this.app.spreadsheetId, { content, sheetId: tab.sheetId, rect: selection.rect, quoted: cell?.text }));
    if (done) this.text.value = "";
  }

  async change(request) {
    try {
      await request();
      await this.load();
      return true;
    } catch (error) {
      this.app.toast(error.message, "error");
      return false;
    }
  }

  show() {
    whenReleased(this.list, () => this.showNow());
  }

  showNow() {
    const written = new Map([...this.list.querySelectorAll("input")].filter((field) => field.value).map((field) => [field.dataset.comment, field.value]));
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.comment : null;
    const shown = this.comments.filter((one) => this.done.checked || !one.resolved);
    this.list.replaceChildren(...shown.map((comment) => this.node(comment, written.get(comment.id))));
    if (!shown.length) this.list.append(el("li", { class: "empty", text: "No comments." }));
    if (focused) this.list.querySelector(`input[data-comment="${focused}"]`)?.focus();
    this.showPlace();
  }

  node(comment, written = "") {
    const { app } = this;
    const id = app.spreadsheetId;
    const reply = el("input", { class: "field", placeholder: "Reply", "aria-label": "Reply", dataset: { comment: comment.id }, maxlength: "4000", autocomplete: "off" });
    reply.value = written;
    const send = (event) => {
      event.preventDefault();
      const content = reply.value.trim();
      if (!content) return;
      reply.value = "";
      this.change(() => api.reply(id, comment.id, { content }));
    };
    const act = (action) => () => this.change(() => api.reply(id, comment.id, { action }));
    const said = [comment, ...comment.replies].map((one) => el("div", { class: "said" },
      el("div", { class: "by" }, el("b", { text: one.author.displayName ?? one.author.emailAddress ?? "" }), el("small", { text: momentText(Date.parse(one.createdTime) / 1000) })),
      el("div", { text: one.content || { resolve: "Resolved", reopen: "Opened again" }[one.action] })));
    return el("li", { class: comment.resolved ? "comment resolved" : "comment", dataset: { comment: comment.id } },
      el("div", { class: "comment-head" },
        el("button", { type: "button", class: "place", text: this.placeText(comment), disabled: !comment.rect, on: { click: () => this.goTo(comment) } }),
        comment.resolved ? iconButton("undo", "Open again", act("reopen")) : iconButton("check_circle", "Resolve", act("resolve")),
        iconButton("delete", "Delete the comment", () => this.change(() => api.deleteComment(id, comment.id)))),
      ...said, el("form", { on: { submit: send } }, reply));
  }

  placeText({ sheetId, rect }) {
    const tab = this.app.tabs.get(sheetId);
    if (!rect) return "The spreadsheet";
    return tab ? `${tab.title}!${rectToA1(rect)}` : "A deleted tab";
  }

  async goTo({ sheetId, rect }) {
    const { app } = this;
    if (!app.tabs.has(sheetId)) return;
    if (app.tab.sheetId !== sheetId) await app.show(sheetId);
    app.selection.set({ row: rect.top, column: rect.left }, { row: rect.bottom, column: rect.right });
    app.grid.reveal(rect.top, rect.left);
  }
}
