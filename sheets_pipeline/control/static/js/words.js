/** Numbers, times and states in words. */

/** 40 ms, 0.4 s, 12 s, 3 min, 2 h, 5 d. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds === 0) return "0 s";
  if (seconds < 0.095) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** "just now", "3 min ago", "never". */
export function ago(time, now) {
  if (!time) return "never";
  const seconds = Math.max(0, (now - new Date(time)) / 1000);
  return seconds < 5 ? "just now" : `${duration(Math.round(seconds))} ago`;
}

/** 4:07 */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

export function count(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

/** 950, 12.4k, 3.1M. */
export function short(value) {
  if (value < 1000) return String(value);
  if (value < 1e6) return `${(value / 1e3).toFixed(value < 1e4 ? 1 : 0)}k`;
  return `${(value / 1e6).toFixed(1)}M`;
}

export const SIGNS = { healthy: "check_circle", warning: "error", degraded: "cancel", stopped: "do_not_disturb_on", unknown: "help" };
export const HEALTHS = { healthy: "In step", warning: "Look", degraded: "Behind", stopped: "Stopped" };

function listed(titles) {
  return titles.length < 3 ? titles.join(" and ") : `${titles.length} tabs`;
}

/** Tabs that nobody keeps in step, so that "in step" is not said of them. */
export function switchedOff(status) {
  const off = Object.entries(status.tabs).filter(([, tab]) => !tab.enabled).map(([title]) => title);
  return off.length && off.length < Object.keys(status.tabs).length ? ` Switched off: ${off.join(", ")}.` : "";
}

/** The answer to "are the sheets in step?" in a few words. */
export function verdict(status) {
  const tabs = Object.entries(status.tabs);
  const those = (health) => tabs.filter(([, tab]) => tab.enabled && tab.health === health).map(([title]) => title);
  if (status.health === "healthy") return "The sheets are in step";
  if (status.health === "stopped") return "Syncing is stopped";
  const late = those("degraded");
  if (status.health === "degraded") {
    if (!late.length || late.length === tabs.length) return "The sheets are behind";
    return `${listed(late)} ${late.length > 1 ? "are" : "is"} behind`;
  }
  if (status.paused_until) return "Syncs are paused";
  const odd = those("warning");
  return odd.length ? `Take a look at ${listed(odd)}` : "The sheets are in step, with a warning";
}
