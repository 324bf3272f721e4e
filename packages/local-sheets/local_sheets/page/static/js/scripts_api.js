/** All talk with the server about the script of the spreadsheet. */
import { call, client } from "./api.js";

export function scriptApi(spreadsheetId) {
  const base = `/_local/apps-script/${encodeURIComponent(spreadsheetId)}`;
  return {
    state: () => call("GET", base),
    save: (files) => call("PUT", `${base}/content`, { files }),
    run: (functionName, menu = false) => call("POST", `${base}/run`, { function: functionName, menu, client }),
    opened: () => call("POST", `${base}/opened`, {}),
    addTrigger: (trigger) => call("POST", `${base}/triggers`, trigger),
    removeTrigger: (uid) => call("DELETE", `${base}/triggers/${uid}`),
    executions: (limit) => call("GET", `${base}/executions?limit=${limit}`),
    dialogs: () => call("GET", `${base}/dialogs`),
    answer: (number, answer) => call("POST", `${base}/dialogs/${number}`, answer),
  };
}

/** An error as "TypeError: ... (Code:12)". */
export function errorText({ name, message, stack }) {
  const [place] = stack ?? [];
  return `${name}: ${message}${place ? ` (${place.file}:${place.lineNumber})` : ""}`;
}
