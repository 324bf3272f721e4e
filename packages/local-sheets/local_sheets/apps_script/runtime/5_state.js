// What outlives an execution: properties, the cache, locks, triggers; and who runs it.

class Properties {
  constructor(scope) { holding(this, { scope }); }

  getProperty(key) { return host("properties.get", this[HELD].scope)[key] ?? null; }
  getProperties() { return host("properties.get", this[HELD].scope); }
  getKeys() { return Object.keys(this.getProperties()); }
  setProperty(key, value) { return this.setProperties({ [key]: value }); }
  setProperties(properties, deleteAllOthers = false) {
    const texts = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, String(value)]));
    host("properties.set", this[HELD].scope, texts, Boolean(deleteAllOthers));
    return this;
  }
  deleteProperty(key) {
    host("properties.delete", this[HELD].scope, [String(key)]);
    return this;
  }
  deleteAllProperties() { return this.setProperties({}, true); }
  toString() { return "Properties"; }
}

const properties = (scope) => () => guarded("Properties", new Properties(scope));
publish("PropertiesService", {
  getScriptProperties: properties("script"),
  getDocumentProperties: properties("document"),
  getUserProperties: properties("user"),
});

class Cache {
  constructor(scope) { holding(this, { scope }); }

  get(key) { return this.getAll([key])[key] ?? null; }
  getAll(keys) { return host("cache.get", this[HELD].scope, keys); }
  put(key, value, seconds = 600) { this.putAll({ [key]: value }, seconds); }
  putAll(values, seconds = 600) {
    host("cache.put", this[HELD].scope, Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)])), seconds);
  }
  remove(key) { this.removeAll([key]); }
  removeAll(keys) { host("cache.remove", this[HELD].scope, keys); }
  toString() { return "Cache"; }
}

const cache = (scope) => () => guarded("Cache", new Cache(scope));
publish("CacheService", { getScriptCache: cache("script"), getDocumentCache: cache("document"), getUserCache: cache("user") });

class Lock {
  constructor(scope) { holding(this, { scope, has: false }); }

  tryLock(milliseconds) {
    this[HELD].has ||= host("lock.take", this[HELD].scope, Number(milliseconds));
    return this[HELD].has;
  }
  waitLock(milliseconds) {
    if (!this.tryLock(milliseconds)) throw new Exception("Lock timeout: another process was holding the lock for too long.");
  }
  releaseLock() {
    if (this[HELD].has) host("lock.release", this[HELD].scope);
    this[HELD].has = false;
  }
  hasLock() { return this[HELD].has; }
  toString() { return "Lock"; }
}

const lock = (scope) => () => guarded("Lock", new Lock(scope));
publish("LockService", { getScriptLock: lock("script"), getDocumentLock: lock("document"), getUserLock: lock("user") });

const AuthMode = makeEnum("AuthMode", "NONE", "CUSTOM_FUNCTION", "LIMITED", "FULL");
const EventType = makeEnum("EventType", "CLOCK", "ON_OPEN", "ON_EDIT", "ON_FORM_SUBMIT", "ON_CHANGE", "ON_EVENT_UPDATED");
const TriggerSource = makeEnum("TriggerSource", "SPREADSHEETS", "CLOCK", "FORMS", "DOCUMENTS", "CALENDAR");

class Trigger {
  constructor(told) { holding(this, told); }

  getUniqueId() { return this[HELD].uid; }
  getHandlerFunction() { return this[HELD].function; }
  getEventType() { return EventType[this[HELD].eventType]; }
  getTriggerSource() { return this[HELD].eventType === "CLOCK" ? TriggerSource.CLOCK : TriggerSource.SPREADSHEETS; }
  getTriggerSourceId() { return this[HELD].eventType === "CLOCK" ? null : job.spreadsheetId; }
  toString() { return "Trigger"; }
}

const makeTrigger = (told) => guarded("Trigger", new Trigger(told));

/** The last step of a trigger's making. */
class TriggerBuilder {
  constructor(wanted) { holding(this, wanted); }

  create() { return makeTrigger(host("triggers.create", this[HELD])); }
}

function spreadsheetTriggers(functionName, spreadsheet) {
  const id = typeof spreadsheet === "string" ? spreadsheet : spreadsheet.getId();
  if (id !== job.spreadsheetId) throw new Exception("Local Sheets fires triggers of the spreadsheet that a script is bound to alone.");
  const on = (eventType) => () => guarded("SpreadsheetTriggerBuilder", new TriggerBuilder({ function: functionName, eventType }));
  return guarded("SpreadsheetTriggerBuilder", { onEdit: on("ON_EDIT"), onChange: on("ON_CHANGE"), onOpen: on("ON_OPEN") });
}

function clockTriggers(functionName) {
  const every = (seconds, valid) => (count = 1) => {
    if (valid && !valid.includes(count)) throw new Exception(`The value you passed to everyMinutes was invalid. It must be one of ${valid.join(", ")}.`);
    return guarded("ClockTriggerBuilder", new TriggerBuilder({ function: functionName, eventType: "CLOCK", everySeconds: seconds * count }));
  };
  return guarded("ClockTriggerBuilder", {
    everyMinutes: every(60, [1, 5, 10, 15, 30]),
    everyHours: every(3600),
    everyDays: every(86400),
    after: (milliseconds) => guarded("ClockTriggerBuilder", new TriggerBuilder({ function: functionName, eventType: "CLOCK", afterSeconds: milliseconds / 1000 })),
  });
}

publish("ScriptApp", {
  AuthMode,
  EventType,
  TriggerSource,
  newTrigger(functionName) {
    authorize("ScriptApp.newTrigger", "script.scriptapp");
    return guarded("TriggerBuilder", {
      forSpreadsheet: (spreadsheet) => spreadsheetTriggers(functionName, spreadsheet),
      timeBased: () => clockTriggers(functionName),
    });
  },
  getProjectTriggers() {
    authorize("ScriptApp.getProjectTriggers", "script.scriptapp");
    return host("triggers.list").map(makeTrigger);
  },
  getUserTriggers: () => ScriptApp.getProjectTriggers().filter((one) => one.getTriggerSourceId() !== null),
  deleteTrigger(trigger) {
    authorize("ScriptApp.deleteTrigger", "script.scriptapp");
    host("triggers.delete", trigger.getUniqueId());
  },
  getScriptId: () => job.scriptId,
});

class User {
  constructor(email) { Object.assign(this, { email, nickname: email.split("@")[0] }); }

  getEmail() { return this.email; }
  getUsername() { return this.nickname; }
  toString() { return this.email; }
}

const makeUser = (email) => guarded("User", new User(email));

publish("Session", {
  getActiveUser: () => makeUser(job.user),
  getEffectiveUser() {
    authorize("Session.getEffectiveUser", "userinfo.email");
    return makeUser(job.effectiveUser);
  },
  getScriptTimeZone: () => job.timeZone,
  getTimeZone: () => job.timeZone,
  getActiveUserLocale: () => "en",
  getTemporaryActiveUserKey: () => job.userKey,
});
