/** All talk with the server: one call per function, one error for everything that goes wrong. */

/** Names this page, so that it can tell its own changes from those of others. */
export const client = crypto.randomUUID();

const session = document.querySelector('meta[name="local-sheets-session"]').content;

/** The server refused or could not be reached; the message is for people. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** JSON in, JSON out; the session header is what a foreign page cannot send. */
export async function call(method, path, body) {
  const headers = { "X-Local-Sheets-Session": session };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError("Local Sheets does not answer. Is the server still running?", 0);
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(`The server answered ${response.status} with something other than JSON.`, response.status);
  }
  if (response.status === 403 && answer?.error?.message.startsWith("This page is from before")) location.reload();
  if (!response.ok) throw new ApiError(answer?.error?.message ?? `The server answered ${response.status}.`, response.status);
  return answer;
}

const root = "/page/api/spreadsheets";
const of = (spreadsheetId) => `${root}/${encodeURIComponent(spreadsheetId)}`;

/** "?a=1&b=2"; parameters without a value are left out. */
function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

export const api = {
  list: () => call("GET", root),
  create: (title) => call("POST", root, { title }),
  spreadsheet: (id, version) => call("GET", `${of(id)}${query({ version })}`),
  layout: (id, sheetId, version, filterView) => call("GET", `${of(id)}/tabs/${sheetId}/layout${query({ version, filterView })}`),
  cells: (id, sheetId, rows, columns, version) => call("GET", `${of(id)}/tabs/${sheetId}/cells${query({ rows: rows.join("-"), columns: columns.join("-"), version })}`),
  filter: (id, sheetId, column, filterView) => call("GET", `${of(id)}/tabs/${sheetId}/filter${query({ column, filterView })}`),
  filled: (id, sheetId, line, version) => call("GET", `${of(id)}/tabs/${sheetId}/filled${query({ ...line, version })}`),
  undo: (id, redo) => call("POST", `${of(id)}/undo`, { client, redo }),
  allowImport: (id, sheetId, row, column) => call("POST", `${of(id)}/imports`, { sheetId, row, column }),
  versions: (id) => call("GET", `${of(id)}/versions`),
  restore: (id, number) => call("POST", `${of(id)}/versions/${number}/restore`, { client }),
  comments: (id) => call("GET", `${of(id)}/comments`),
  addComment: (id, comment) => call("POST", `${of(id)}/comments`, comment),
  deleteComment: (id, comment) => call("DELETE", `${of(id)}/comments/${comment}`),
  reply: (id, comment, reply) => call("POST", `${of(id)}/comments/${comment}/replies`, reply),
  /** One edit by a person; `edited` says what the announcement shall name. */
  edit: (id, request, edited) => call("POST", `${of(id)}/edits`, { request, edited, client }),
};
