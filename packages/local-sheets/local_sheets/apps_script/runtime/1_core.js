// What all services stand on: calls to the server, errors, and objects that say which of their members are missing.
// The files of this folder are read in the order of their names, as one strict function.

const callHost = globalThis.__host;
delete globalThis.__host;

/** What services throw; scripts see the name "Exception", as on Google's side. */
class Exception extends Error {
  constructor(message) {
    super(message);
    this.name = "Exception";
  }
}

/** Asks the process outside. Whatever goes wrong there is thrown here. */
function host(name, ...args) {
  const answer = JSON.parse(callHost(name, JSON.stringify(args)));
  if (answer.error !== undefined) throw new Exception(answer.error);
  return answer.result;
}

/** What this execution may do: set when it begins. */
const job = { limited: false, scopes: null, event: null };

const SCOPE = "https://www.googleapis.com/auth/";

/** Refuses what the trigger or the manifest's `oauthScopes` do not allow. Any one of the scopes will do. */
function authorize(what, ...scopes) {
  const wanted = scopes.map((scope) => SCOPE + scope);
  const listed = job.scopes === null || wanted.some((scope) => job.scopes.includes(scope));
  if (listed && !job.limited) return;
  throw new Exception(`You do not have permission to call ${what}. Required permissions: ${wanted.join(" or ")}`);
}

/** Refuses what the manifest's `oauthScopes` leave out; simple triggers may do it. */
function needScope(what, ...scopes) {
  const limited = job.limited;
  job.limited = false;
  try {
    authorize(what, ...scopes);
  } finally {
    job.limited = limited;
  }
}

// Read by the language itself, by JSON and by await.
const ASKED_BY_THE_LANGUAGE = new Set(["then", "toJSON", "constructor", "prototype", "length", "name", "message", "stack"]);

/** The object, which throws where a member is asked for that it lacks. */
function guarded(name, target) {
  return new Proxy(target, {
    get(object, key, receiver) {
      if (typeof key === "symbol" || key in object || ASKED_BY_THE_LANGUAGE.has(key)) return Reflect.get(object, key, receiver);
      throw new TypeError(`${name}.${key} is not there in Local Sheets (it may be in Google's Apps Script).`);
    },
  });
}

/** An enum as Apps Script has them: each value an object of its own that reads as its name. */
function makeEnum(name, ...keys) {
  const values = {};
  keys.forEach((key, ordinal) => {
    values[key] = Object.freeze({ toString: () => key, toJSON: () => key, name: () => key, ordinal: () => ordinal });
  });
  return guarded(name, values);
}

/** The service under its name in the script's scope. */
function publish(name, service) {
  service.toString ??= () => name;
  Object.defineProperty(globalThis, name, { value: guarded(name, service), writable: true, configurable: true });
}

function publishMissing(...names) {
  for (const name of names) {
    const missing = new Proxy({}, {
      get(_, key) {
        if (typeof key === "symbol") return undefined;
        throw new TypeError(`${name} is not there in Local Sheets (it is in Google's Apps Script).`);
      },
    });
    Object.defineProperty(globalThis, name, { value: missing, writable: true, configurable: true });
  }
}

/** Where an object of ours keeps what scripts do not see. */
const HELD = Symbol("held");

function holding(object, held) {
  Object.defineProperty(object, HELD, { value: held });
  return object;
}

/** Bytes as Apps Script gives them: -128 to 127. */
const signed = (bytes) => bytes.map((byte) => (byte > 127 ? byte - 256 : byte));

/** Text, bytes or a blob, as the host takes them. */
function dataOf(value, what) {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return { bytes: value.map((byte) => byte & 255) };
  if (value && value[HELD]?.bytes) return { bytes: value[HELD].bytes };
  throw new Exception(`The parameters (${value === null ? "null" : typeof value}) don't match the method signature for ${what}.`);
}
