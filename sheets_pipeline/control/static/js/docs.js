/** Shows the API's OpenAPI document: each endpoint, what it takes, what it answers. */
import { addressOf } from "./api.js";
import { byId, el } from "./dom.js";

const list = (items) => (items.length ? el("dl", {}, ...items.flatMap(([name, text]) => [el("dt", { text: name }), el("dd", { text })])) : null);

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.filter((one) => one.type !== "null").map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  return schema.type === "array" ? `list of ${typeOf(schema.items)}` : [schema.type, schema.format].filter(Boolean).join(", ");
}

function fieldsOf(body, schemas) {
  const schema = body?.content?.["application/json"]?.schema;
  const ref = schema?.$ref ?? schema?.anyOf?.find((one) => one.$ref)?.$ref;
  const model = ref ? schemas[ref.split("/").at(-1)] : null;
  return Object.entries(model?.properties ?? {}).map(([name, field]) => [name, `${typeOf(field)}${model.required?.includes(name) ? ", required" : ""}. ${field.description ?? ""} (body)`]);
}

function endpoint(path, method, described, schemas) {
  const parameters = (described.parameters ?? []).map((one) => [one.name, `${typeOf(one.schema)}. ${one.description ?? ""} (query)`]);
  const answers = Object.entries(described.responses).map(([code, answer]) => [code, answer.description]);
  return el("article", { class: "endpoint" },
    el("h2", {}, el("span", { class: `method ${method}`, text: method.toUpperCase() }), path),
    el("p", { text: described.description ?? described.summary }),
    list([...parameters, ...fieldsOf(described.requestBody, schemas)]),
    list(answers));
}

const found = await (await fetch(addressOf("/openapi.json"))).json();
byId("title").textContent = found.info.title;
byId("summary").textContent = found.info.summary;
for (const [path, methods] of Object.entries(found.paths)) {
  for (const [method, described] of Object.entries(methods)) byId("paths").append(endpoint(path, method, described, found.components.schemas));
}
