// How an execution begins and ends.

/** The argument of a trigger's function, with the fields that Google's has and no others. */
function eventOf(told) {
  const spreadsheet = makeSpreadsheet(job.spreadsheetId);
  const event = { authMode: AuthMode[told.authMode] };
  if (told.eventType === "CLOCK") return { ...event, ...told.clock, triggerUid: told.triggerUid };
  event.source = spreadsheet;
  if (told.user !== null) event.user = makeUser(told.user);
  if (told.triggerUid) event.triggerUid = told.triggerUid;
  if (told.changeType) event.changeType = told.changeType;
  if (told.range) event.range = makeRange(makeSheet(spreadsheet, told.range), told.range);
  for (const name of ["value", "oldValue"]) if (told[name] !== undefined) event[name] = told[name];
  return event;
}

function failureOf(error) {
  if (error instanceof Error) return { name: error.name, message: error.message, stack: error.stack ?? "" };
  return { name: "Error", message: `Uncaught ${shown(error)}`, stack: "" };
}

let outcome = null;

/** Runs a function of the script. `outcome()` tells what came of it, once all that it promised is settled. */
globalThis.__run = (text) => {
  const told = JSON.parse(text);
  try {
    const work = globalThis[told.function];
    if (typeof work !== "function") throw new Exception(`Script function not found: ${told.function}`);
    const result = told.event ? work(eventOf(told.event)) : work(...told.parameters);
    if (typeof result?.then === "function") {
      outcome = { error: { name: "Error", message: "The function's promise was never settled.", stack: "" } };
      result.then((value) => { outcome = { result: value ?? null }; }, (error) => { outcome = { error: failureOf(error) }; });
    } else outcome = { result: result ?? null };
  } catch (error) {
    outcome = { error: failureOf(error) };
  }
};
globalThis.__begin = (text) => {
  Object.assign(job, JSON.parse(text));
  return undefined;
};
globalThis.__outcome = () => {
  try {
    return JSON.stringify(outcome);
  } catch {
    return JSON.stringify({ result: null });
  }
};
