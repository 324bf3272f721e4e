// Sends what people type into editable columns to the Sheets Pipeline. Made by `sheets-pipeline edits script`.
// Run setup() once; test() sends a probe, showConfig() shows what is set, uninstall() takes the triggers away.

const TABS = {};  // title -> {keys: {name: header}, columns: {name: header}, rows: whether people add rows}
const MARK = 'sheets_pipeline.column';  // key of developer metadata
const MOST_ROWS = 500, MOST_CHARACTERS = 900000;

function setup() {
  const store = PropertiesService.getScriptProperties(), ui = SpreadsheetApp.getUi();
  for (const [name, text] of [['URL', 'Address of the webhook: https://.../webhook'], ['SECRET', 'Secret that `sheets-pipeline edits script` prints for this spreadsheet']]) {
    const answer = ui.prompt(text, ui.ButtonSet.OK_CANCEL);
    if (answer.getSelectedButton() !== ui.Button.OK) return;
    if (answer.getResponseText().trim()) store.setProperty(name, answer.getResponseText().trim());
  }
  install();
  test();
}

function install() {
  uninstall();
  const spreadsheet = SpreadsheetApp.getActive();
  spreadsheet.getSheets().forEach(titleOf);
  ScriptApp.newTrigger('edited').forSpreadsheet(spreadsheet).onEdit().create();
  ScriptApp.newTrigger('changed').forSpreadsheet(spreadsheet).onChange().create();
}

function uninstall() {
  ScriptApp.getProjectTriggers().forEach((trigger) => ScriptApp.deleteTrigger(trigger));
}

function showConfig() {
  const store = PropertiesService.getScriptProperties();
  const text = ['URL: ' + (store.getProperty('URL') || 'not set'), 'Secret: ' + (store.getProperty('SECRET') ? 'set' : 'not set'),
    'Triggers: ' + ScriptApp.getProjectTriggers().length, 'Tabs: ' + (Object.keys(TABS).join(', ') || 'none')].join('\n');
  console.log(text);
  return text;
}

function test() {
  const code = send({kind: 'probe'});
  console.log('The pipeline answered ' + code + (code === 202 ? ': all is well.' : '. See docs/use/edits.md.'));
  return code;
}

// The title by which the pipeline knows a tab, however people have renamed it; undefined for one of theirs.
function titleOf(sheet) {
  const store = PropertiesService.getScriptProperties(), ids = JSON.parse(store.getProperty('TABS') || '{}');
  const id = sheet.getSheetId(), name = sheet.getName(), title = Object.keys(ids).find((one) => ids[one] === id);
  if (title || !TABS[name]) return title;
  if (name in ids && sheet.getParent().getSheets().some((one) => one.getSheetId() === ids[name])) return undefined;  // ours is another one
  ids[name] = id;
  store.setProperty('TABS', JSON.stringify(ids));
  return name;
}

// Where columns are, by name: people may have renamed them, but the pipeline has marked them.
function places(sheet, header, headers) {
  const found = {}, missing = [];
  for (const name of Object.keys(headers)) {
    found[name] = header.indexOf(headers[name]);
    if (found[name] < 0) missing.push(name);
  }
  if (missing.length) sheet.createDeveloperMetadataFinder().withKey(MARK).find().forEach((mark) => {
    const column = mark.getLocation().getColumn(), at = column ? column.getColumn() - 1 : -1;
    if (missing.indexOf(mark.getValue()) >= 0 && Object.values(found).indexOf(at) < 0) found[mark.getValue()] = at;
  });
  return found;
}

function edited(e) {
  const range = e.range, sheet = range.getSheet(), title = titleOf(sheet), tab = TABS[title];
  if (!tab) return;
  const header = sheet.getRange(1, 1, 1, sheet.getLastColumn()).getValues()[0].map(String);
  const first = Math.max(range.getRow(), 2), count = range.getLastRow() - first + 1;
  if (count < 1) return send(by(e, {kind: 'look', tab: title}));  // a header may have been put back
  const found = places(sheet, header, Object.assign({}, tab.columns, tab.keys));
  const place = (headers) => Object.keys(headers).map((name) => [name, found[name]]);
  const keys = place(tab.keys), all = place(tab.columns);
  if (keys.concat(all).some(([, at]) => at < 0)) return send({kind: 'look', tab: title});
  const touched = (places) => places.filter(([, at]) => at + 1 >= range.getColumn() && at + 1 <= range.getLastColumn());
  const columns = touched(all), key = touched(keys).length > 0;
  if (!columns.length && !key) return;
  if (count > MOST_ROWS || !(columns.length || tab.rows)) return send(by(e, {kind: 'look', tab: title}));
  const values = sheet.getRange(first, 1, count, header.length).getValues();
  const rest = tab.rows ? all.filter((place) => columns.indexOf(place) < 0) : [];
  const cell = (value) => value instanceof Date ? {date: value.getTime()} : value;
  const message = {
    kind: 'edit', tab: title, columns: columns.map(([name]) => name),
    rows: values.map((row) => ({key: keys.map(([, at]) => cell(row[at])), cells: columns.map(([, at]) => cell(row[at]))})),
  };
  // Of a row without its whole key nobody knows which it is: by all that stands in it, it is known again.
  if (rest.length) message.rest = rest.map(([name]) => name);
  message.rows.forEach((row, i) => {
    if (rest.length && row.key.some((value) => value === '')) row.rest = rest.map(([, at]) => cell(values[i][at]));
  });
  if (key) message.keys = true;
  if (count === 1 && columns.length === 1) Object.assign(message, {old: e.oldValue, new: e.value});
  return send(by(e, message));
}

function changed(e) {
  if (['EDIT', 'FORMAT'].indexOf(e.changeType) < 0) send(by(e, {kind: 'look', change: String(e.changeType)}));
}

function by(e, message) {
  if (e.user && e.user.getEmail) message.editor = e.user.getEmail();
  return message;
}

function send(message) {
  const store = PropertiesService.getScriptProperties(), spreadsheet = SpreadsheetApp.getActive();
  Object.assign(message, {
    id: Utilities.getUuid(), spreadsheet: spreadsheet.getId(), at: Date.now(),
    locale: spreadsheet.getSpreadsheetLocale(), zone: spreadsheet.getSpreadsheetTimeZone(),
  });
  const body = JSON.stringify(message);
  if (body.length > MOST_CHARACTERS) return send({kind: 'look', tab: message.tab, editor: message.editor || ''});
  let code = 0;
  for (const wait of [0, 500, 2000]) {
    if (wait) Utilities.sleep(wait);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const bytes = Utilities.computeHmacSha256Signature(timestamp + '.' + body, store.getProperty('SECRET'), Utilities.Charset.UTF_8);
    const signature = bytes.map((byte) => ((byte + 256) % 256).toString(16).padStart(2, '0')).join('');
    try {
      code = UrlFetchApp.fetch(store.getProperty('URL'), {
        method: 'post', contentType: 'application/json', payload: body, muteHttpExceptions: true,
        headers: {'X-Sheets-Pipeline-Timestamp': timestamp, 'X-Sheets-Pipeline-Signature': signature},
      }).getResponseCode();
    } catch (error) {
      code = 0;  // no answer: the id lets it count once, however often it arrives
    }
    if (code && code < 500 && code !== 429) break;
  }
  if (code !== 202 && code !== 409) console.warn('The pipeline answered ' + code);
  return code;
}
