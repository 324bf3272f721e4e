// console and Logger: lines of the execution's log.

function shown(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.stack ? `${value}\n${value.stack}`.trimEnd() : String(value);
  if (value === undefined) return "undefined";
  if (typeof value === "function" || Object.hasOwn(Object(value), "toString")) return value.toString();
  if (value && typeof value === "object" && !Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype && !(value instanceof Date)) {
    return String(value);
  }
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** `%s` and its like are filled from the arguments behind; further arguments follow with spaces. */
function formatted(args) {
  if (typeof args[0] !== "string") return args.map(shown).join(" ");
  const rest = args.slice(1);
  const text = args[0].replace(/%[sdifoOj%]/g, (sign) => {
    if (sign === "%%" || !rest.length) return sign === "%%" ? "%" : sign;
    const value = rest.shift();
    return sign === "%d" || sign === "%i" ? String(Math.trunc(Number(value))) : shown(value);
  });
  return [text, ...rest.map(shown)].join(" ");
}

const loggerLines = [];
const timers = new Map();

const write = (severity) => (...args) => void host("log", severity, formatted(args));

globalThis.console = {
  log: write("DEBUG"),
  info: write("INFO"),
  warn: write("WARNING"),
  error: write("ERROR"),
  time: (label = "default") => void timers.set(label, Date.now()),
  timeEnd: (label = "default") => write("DEBUG")(`${label}: ${Date.now() - (timers.get(label) ?? Date.now())}ms`),
};

publish("Logger", {
  log(...args) {
    const text = formatted(args);
    loggerLines.push(text);
    host("log", "INFO", text);
    return globalThis.Logger;
  },
  getLog: () => loggerLines.map((line) => `${line}\n`).join(""),
  clear: () => void loggerLines.splice(0),
});
