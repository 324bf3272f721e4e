/** All talk with the control API: one call per function, one error for everything that goes wrong. */

const KEY = "sheets-pipeline-token";

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

async function call(method, path, body) {
  const headers = { "X-Sheets-Pipeline": "dashboard" };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    const signal = AbortSignal.timeout(40_000);
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError("The control API does not answer. Does it still run?", 0);
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new ApiError(`The control API answered ${response.status} with something other than JSON.`, response.status);
  }
  if (!response.ok) throw new ApiError(answer.error ?? `The control API answered ${response.status}.`, response.status);
  return answer;
}

export const api = {
  status: () => call("GET", "/sync/status"),
  stats: () => call("GET", "/stats"),
  logs: (filters) => {
    const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
    return call("GET", `/logs?${query}`);
  },
  force: (tab) => call("POST", "/sync/force", tab ? { tab } : {}),
  enable: (tab) => call("POST", "/sync/enable", tab ? { tab } : {}),
  disable: (tab) => call("POST", "/sync/disable", tab ? { tab } : {}),
  pause: (seconds, reason) => call("POST", "/sync/pause", { seconds, reason, holder: "dashboard" }),
  resume: () => call("POST", "/sync/resume", {}),
};
