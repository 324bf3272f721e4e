/** What pages share around their content: short messages, the sign of the connection, the question for the token. */
import { token } from "./api.js";
import { byId, el, icon, setText } from "./dom.js";

const TOAST_MS = { info: 5000, error: 10_000 };

export function toast(message, kind = "info") {
  const node = el("div", { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" }, icon(kind === "error" ? "error" : "check_circle"), el("span", { text: message }));
  byId("toasts").append(node);
  setTimeout(() => node.remove(), TOAST_MS[kind]);
}

export function showConnection(state, text) {
  byId("live").dataset.state = state;
  setText(byId("live-text"), text);
}

/** Asks until something is entered, then calls `goOn`. */
export function askToken(goOn) {
  const wasWrong = token.get() !== null;
  token.forget();
  if (wasWrong) setText(byId("token-hint"), "That is not the value of CONTROL_API_TOKEN. Try again.");
  const dialog = byId("token-dialog");
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    byId("token-form").onsubmit = () => { token.set(byId("token").value); byId("token").value = ""; resolve(); goOn(); };
    dialog.oncancel = (event) => event.preventDefault();
  });
}
