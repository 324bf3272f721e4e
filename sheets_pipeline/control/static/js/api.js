/** All talk with the control API: one call per function, one error for everything that goes wrong. */

const KEY = "sheets-pipeline-token";

/** Where the API is, below whatever path a proxy has put us. */
const ROOT = new URL("../../../", import.meta.url);

/** The address of a path of the API. */
export const addressOf = (path) => new URL(`.${path}`, ROOT);

/** The API refused or could not be reached; the message is for people. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Kept until this browser tab is closed, and shown to no other one. */
export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

async function ask(method, path, body) {
  const headers = { "X-Sheets-Pipeline": "dashboard" };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const signal = AbortSignal.timeout(40_000);
    return await fetch(addressOf(path), { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError("The control API does not answer. Does it still run?", 0);
  }
}

async function call(method, path, body) {
  const response = await ask(method, path, body);
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new ApiError(`The control API answered ${response.status} with something other than JSON.`, response.status);
  }
  if (!response.ok) throw new ApiError(answer.error ?? `The control API answered ${response.status}.`, response.status);
  return answer;
}

const query = (filters) => new URLSearchParams(Object.entries(filters).filter(([, value]) => value));

export const api = {
  status: () => call("GET", "/sync/status"),
  stats: () => call("GET", "/stats"),
  logs: (filters) => call("GET", `/logs?${query(filters)}`),
  force: (tab) => call("POST", "/sync/force", tab ? { tab } : {}),
  enable: (tab) => call("POST", "/sync/enable", tab ? { tab } : {}),
  disable: (tab) => call("POST", "/sync/disable", tab ? { tab } : {}),
  pause: (seconds, reason) => call("POST", "/sync/pause", { seconds, reason, holder: "dashboard" }),
  edits: (filters) => call("GET", `/edits?${query(filters)}`),
  edit: (id) => call("GET", `/edits/${id}`),
  editsAsCsv: async (filters) => {
    const response = await ask("GET", `/edits.csv?${query(filters)}`);
    if (!response.ok) throw new ApiError(`The control API answered ${response.status}.`, response.status);
    return response.blob();
  },
  decide: (id, decision, by) => call("POST", `/edits/${id}/${decision}`, { by }),
  decideBatch: (batch, decision, by) => call("POST", `/edits/${decision}`, { batch, by }),
  undo: (asked) => call("POST", "/edits/undo", asked),
  sources: () => call("GET", "/sources"),
  processSources: (sources) => call("POST", "/sources/process", { sources }),
  acceptSource: (source, held) => call("POST", "/sources/accept", { source, held }),
  sourceVersions: (source) => call("GET", `/sources/versions?${query({ source })}`),
  sourceRows: (source, content_hash, offset, limit) => call("GET", `/sources/rows?${query({ source, content_hash, offset, limit })}`),
  searchSources: (text, source) => call("GET", `/sources/search?${query({ text, source })}`),
  sourceDiff: (source, before, after) => call("GET", `/sources/diff?${query({ source, before, after })}`),
  resume: () => call("POST", "/sync/resume", {}),
};
