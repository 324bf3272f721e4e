// Utilities and UrlFetchApp. Both are served in the script's own process.

const DigestAlgorithm = makeEnum("DigestAlgorithm", "MD2", "MD5", "SHA_1", "SHA_256", "SHA_384", "SHA_512");
const MacAlgorithm = makeEnum("MacAlgorithm", "HMAC_MD5", "HMAC_SHA_1", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512");
const Charset = makeEnum("Charset", "US_ASCII", "UTF_8");

class Blob {
  constructor(bytes, contentType, name) { holding(this, { bytes, contentType, name }); }

  getBytes() { return signed(this[HELD].bytes); }
  getDataAsString(charset = "UTF-8") { return host("text.decode", { bytes: this[HELD].bytes }, String(charset)); }
  getContentType() { return this[HELD].contentType; }
  getName() { return this[HELD].name; }
  setContentType(contentType) {
    this[HELD].contentType = contentType;
    return this;
  }
  setName(name) {
    this[HELD].name = name;
    return this;
  }
  setDataFromString(text, charset = "UTF-8") {
    this[HELD].bytes = host("text.encode", text, String(charset));
    return this;
  }
  copyBlob() { return makeBlob(this[HELD].bytes, this[HELD].contentType, this[HELD].name); }
  toString() { return "Blob"; }
}

const makeBlob = (bytes, contentType = null, name = null) => guarded("Blob", new Blob(bytes, contentType, name));

/** Values and keys are both texts or both bytes, as in Google's signatures. */
function mac(algorithm, value, key, charset) {
  const what = "Utilities.computeHmacSignature";
  return signed(host("hmac", String(algorithm), dataOf(value, what), dataOf(key, what), String(charset ?? Charset.US_ASCII)));
}

publish("Utilities", {
  DigestAlgorithm,
  MacAlgorithm,
  Charset,
  computeHmacSignature: mac,
  computeHmacSha256Signature: (value, key, charset) => mac(MacAlgorithm.HMAC_SHA_256, value, key, charset),
  computeDigest: (algorithm, value, charset) => signed(host("digest", String(algorithm), dataOf(value, "Utilities.computeDigest"), String(charset ?? Charset.US_ASCII))),
  base64Encode: (data, charset) => host("base64.encode", dataOf(data, "Utilities.base64Encode"), false, String(charset ?? Charset.UTF_8)),
  base64EncodeWebSafe: (data, charset) => host("base64.encode", dataOf(data, "Utilities.base64EncodeWebSafe"), true, String(charset ?? Charset.UTF_8)),
  base64Decode: (text) => signed(host("base64.decode", text, false)),
  base64DecodeWebSafe: (text) => signed(host("base64.decode", text, true)),
  getUuid: () => host("uuid"),
  sleep: (milliseconds) => host("sleep", Number(milliseconds)),
  formatDate(date, timeZone, format) {
    if (!(date instanceof Date)) throw new Exception(`The parameters (${typeof date},String,String) don't match the method signature for Utilities.formatDate.`);
    return host("format_date", date.getTime(), timeZone, format);
  },
  formatString(template, ...args) {
    let at = 0;
    return template.replace(/%(-)?(0)?(\d+)?(?:\.(\d+))?([sdfx%])/g, (_, left, zero, width, digits, kind) => {
      if (kind === "%") return "%";
      const value = args[at++];
      let text = { s: () => String(value), d: () => String(Math.trunc(value)), f: () => Number(value).toFixed(digits ?? 6), x: () => Number(value).toString(16) }[kind]();
      if (kind === "s" && digits !== undefined) text = text.slice(0, digits);
      return left ? text.padEnd(width ?? 0) : text.padStart(width ?? 0, zero ? "0" : " ");
    });
  },
  newBlob: (data, contentType = null, name = null) => makeBlob(typeof data === "string" ? host("text.encode", data, "UTF-8") : data.map((byte) => byte & 255), contentType, name),
});

class HTTPResponse {
  constructor(answer) { holding(this, answer); }

  getResponseCode() { return this[HELD].code; }
  getContentText(charset) { return host("text.decode", { bytes: this[HELD].bytes }, charset ?? this[HELD].charset ?? "UTF-8"); }
  getContent() { return signed(this[HELD].bytes); }
  getBlob() { return makeBlob(this[HELD].bytes, this[HELD].contentType); }
  getHeaders() { return Object.fromEntries(Object.entries(this[HELD].headers).map(([name, values]) => [name, values.at(-1)])); }
  getAllHeaders() { return Object.fromEntries(Object.entries(this[HELD].headers).map(([name, values]) => [name, values.length === 1 ? values[0] : values])); }
  toString() { return this.getContentText(); }
}

const FETCH_OPTIONS = ["contentType", "escaping", "followRedirects", "headers", "method", "muteHttpExceptions", "payload", "url", "validateHttpsCertificates"];

/** A request as the host sends it. */
function requestOf(url, params = {}) {
  for (const name of Object.keys(params)) if (!FETCH_OPTIONS.includes(name)) throw new Exception(`Attribute provided with invalid value: ${name} is no option of UrlFetchApp.fetch in Local Sheets.`);
  const { payload } = params;
  const isForm = payload !== null && typeof payload === "object" && !Array.isArray(payload) && !payload[HELD];
  const body = payload === undefined || payload === null ? null
    : isForm ? Object.entries(payload).map((pair) => pair.map((part) => encodeURIComponent(String(part))).join("=")).join("&")
      : Array.isArray(payload) || payload[HELD] ? dataOf(payload, "UrlFetchApp.fetch") : String(payload);
  return {
    url: String(url),
    method: String(params.method ?? (body === null ? "get" : "post")).toUpperCase(),
    headers: Object.fromEntries(Object.entries(params.headers ?? {}).map(([name, value]) => [name, String(value)])),
    contentType: body === null ? null : params.contentType ?? payload[HELD]?.contentType ?? "application/x-www-form-urlencoded",
    body,
    mute: Boolean(params.muteHttpExceptions),
    follow: params.followRedirects ?? true,
    verify: params.validateHttpsCertificates ?? true,
  };
}

function fetchAllOf(requests, what) {
  authorize(what, "script.external_request");
  host("fetch.begin", requests.length);
  return host("fetch", requests).map((answer) => guarded("HTTPResponse", new HTTPResponse(answer)));
}

publish("UrlFetchApp", {
  fetch: (url, params) => fetchAllOf([requestOf(url, params)], "UrlFetchApp.fetch")[0],
  fetchAll: (requests) => fetchAllOf(requests.map((one) => (typeof one === "string" ? requestOf(one) : requestOf(one.url, one))), "UrlFetchApp.fetchAll"),
  getRequest(url, params) {
    const { method, headers, body, contentType } = requestOf(url, params);
    return { url, method: method.toLowerCase(), headers, payload: body ?? "", contentType, useIntranet: false, followRedirects: params?.followRedirects ?? true, validateHttpsCertificates: params?.validateHttpsCertificates ?? true };
  },
});

publishMissing(
  "AdminDirectory", "BigQuery", "Calendar", "CalendarApp", "CardService", "Charts", "ContactsApp", "ContentService", "DataStudioApp",
  "DocumentApp", "Drive", "DriveApp", "Docs", "FormApp", "Gmail", "GmailApp", "GroupsApp", "HtmlService", "Jdbc", "LanguageApp",
  "LinearOptimizationService", "MailApp", "Maps", "People", "Sheets", "SitesApp", "Slides", "SlidesApp", "Tasks", "XmlService", "YouTube",
);
