/** Keeps the page as the pipeline is: asks every two seconds, survives restarts, steers when buttons are pressed. */
import { api } from "./api.js";
import { byId, el, icon, onPress, setText, setUsable } from "./dom.js";
import { showHosts } from "./hosts.js";
import { logFilters, offerTabs, showLog } from "./log.js";
import { showCircuit, showQueue, showQueueChart, showQuota } from "./machine.js";
import { askToken, showConnection, toast } from "./shell.js";
import { showSparks, showTabs } from "./tabs.js";
import { countdown, duration, SIGNS, switchedOff, verdict } from "./words.js";

const EVERY_MS = 2000;
const PAUSES = [60, 300, 900, 1800, 3600];

let status = null;
/** The server's clock minus ours. */
let skew = 0;
let acting = 0;

const now = () => Date.now() + skew;

function showVerdict() {
  byId("verdict").dataset.health = status.health;
  setText(byId("verdict-icon"), SIGNS[status.health]);
  setText(byId("verdict-title"), verdict(status));
  setText(byId("verdict-reason"), status.reason + switchedOff(status));
  document.title = `${verdict(status)} · Sheets Pipeline`;
  const [run] = status.under_way;
  byId("run").hidden = !run;
  if (run) {
    const doing = run.status === "STARTED" ? "A full sync is running" : "A full sync is queued";
    setText(byId("run-text"), `${doing}: ${run.tabs.join(", ")}.`);
    byId("run-link").hidden = !run.url;
    if (run.url) byId("run-link").href = run.url;
  }
  showPause();
}

function showPause() {
  const left = status?.paused_until ? (Date.parse(status.paused_until) - now()) / 1000 : 0;
  byId("pause").hidden = left <= 0;
  setText(byId("pause-left"), countdown(left));
  setText(byId("pause-label"), left > 0 ? "Resume" : "Pause");
  setText(byId("pause-icon"), left > 0 ? "play_arrow" : "pause");
}

/** Edits that a person has to decide about. */
function showEdits({ edits }) {
  const waits = edits ? edits.waiting.conflict + edits.waiting.awaiting + edits.waiting.dead : 0, badge = byId("edits-waiting");
  badge.hidden = !waits;
  setText(badge, waits.toLocaleString());
  badge.title = waits === 1 ? "One edit waits for a person" : `${waits.toLocaleString()} edits wait for a person`;
}

function showButtons() {
  const isOn = status.everything_enabled;
  setText(byId("all-label"), isOn ? "Switch off" : "Switch on");
  byId("all-button").classList.toggle("primary", !isOn);
  byId("all-button").classList.toggle("outline", isOn);
  for (const id of ["force", "pause-button", "all-button"]) setUsable(byId(id), acting === 0);
  for (const [id, url] of [["dagster-link", status.dagster_url], ["spreadsheet-link", status.spreadsheet_url]]) {
    byId(id).hidden = !url;
    if (url) byId(id).href = url;
  }
}

function showStatus(found) {
  status = found;
  skew = Date.parse(found.at) - Date.now();
  showVerdict();
  showButtons();
  showEdits(status);
  showQueue(status);
  showQuota(status);
  showCircuit(status, now());
  showHosts(status);
  showTabs(status, now(), actions, acting === 0);
  offerTabs(Object.keys(status.tabs));
}

function showLost(error) {
  showConnection("lost", "No connection");
  byId("verdict").dataset.health = "unknown";
  setText(byId("verdict-icon"), SIGNS.unknown);
  setText(byId("verdict-title"), "No news from the pipeline");
  setText(byId("verdict-reason"), `${error.message} Trying again every two seconds.`);
  byId("run").hidden = byId("pause").hidden = true;
  document.title = "No news · Sheets Pipeline";
}

async function refresh() {
  try {
    showStatus(await api.status());
    const [stats, logs] = await Promise.all([api.stats(), api.logs(logFilters())]);
    showSparks(stats);
    showQueueChart(stats);
    showLog(logs);
    showConnection("live", "Live");
  } catch (error) {
    if (error.status === 401) await askToken(() => wake());
    else if (error.status === undefined) throw error;
    else showLost(error);
  }
}

async function keepFresh() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => { wake = resolve; setTimeout(resolve, EVERY_MS); });
  }
}
let wake = () => {};

/** Does one thing, says so, and shows the outcome at once. */
async function act(doing, said) {
  acting += 1;
  if (status) { showButtons(); showTabs(status, now(), actions, false); }
  try {
    toast(said(await doing()));
  } catch (error) {
    toast(error.message, "error");
  } finally {
    acting -= 1;
    if (status) { showButtons(); showTabs(status, now(), actions, acting === 0); }
    wake();
  }
}

const actions = {
  force: (tab) => act(() => api.force(tab), (run) => (run.joined ? "A sync is under way already; joined it." : `Sync started: ${run.tabs.join(", ")}.`)),
  switchTab: (tab, on) => act(() => (on ? api.enable(tab) : api.disable(tab)), () => `${tab} is switched ${on ? "on" : "off"}.`),
  switchAll: (on) => act(() => (on ? api.enable() : api.disable()), () => (on ? "Syncs are switched on." : "Syncs are switched off.")),
  pause: (seconds, reason) => act(() => api.pause(seconds, reason), () => `Paused for ${duration(seconds)}.`),
  resume: () => act(() => api.resume(), () => "Syncs go on."),
};

function wireDialog(name, open, submit) {
  const dialog = byId(`${name}-dialog`);
  byId(`${name}-cancel`).addEventListener("click", () => dialog.close());
  byId(`${name}-form`).addEventListener("submit", submit);
  return () => { open(); dialog.showModal(); };
}

function fillPauses() {
  const limit = status.pause_limit_seconds;
  const choices = [...new Set([...PAUSES.filter((seconds) => seconds < limit), limit])].filter((seconds) => seconds > 0);
  byId("pause-seconds").replaceChildren(...choices.map((seconds) => el("option", { value: seconds, text: duration(seconds) })));
  byId("pause-seconds").value = choices.includes(300) ? 300 : choices[0];
}

const askPause = wireDialog("pause", fillPauses, () => actions.pause(Number(byId("pause-seconds").value), byId("pause-reason").value));
const askOff = wireDialog("off", () => {}, () => actions.switchAll(false));

onPress(byId("force"), () => actions.force());
onPress(byId("pause-button"), () => (byId("pause").hidden ? status && askPause() : actions.resume()));
onPress(byId("all-button"), () => (status?.everything_enabled ? askOff() : actions.switchAll(true)));
for (const id of ["log-tab", "log-outcome"]) byId(id).addEventListener("change", () => wake());
document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
setInterval(() => { if (status && byId("live").dataset.state === "live") showPause(); }, 250);
keepFresh();
