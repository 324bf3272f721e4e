"""The discovery document of the Sheets API: its routes, its query parameters, and the shape of its answers.

The document is Google's; ``vendored/ORIGIN.md`` says which. It is read once.
See https://developers.google.com/discovery/v1/reference/apis
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

_DOCUMENTS = Path(__file__).parent / "vendored" / "discovery"
_PARAMETER = re.compile(r"\{\+?(\w+)\}")
#: Google passes over slashes before a verb and at the end: ``ID/:batchUpdate``, ``ID/``.
_IDLE_SLASHES = re.compile(r"(?<!/)/+(?=$|(?::|%3[Aa])[A-Za-z]+$)")

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """One method of the API. ``request`` and ``response`` are names of schemas, ``parameters`` those of the query."""

    id: str
    verb: str
    path: str
    request: str | None
    response: str
    parameters: Mapping[str, Schema]
    scopes: tuple[str, ...]
    expression: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Match:
    """A method and the decoded parts of the path that called it, by camelCase name."""

    method: Method
    path_values: Mapping[str, str]


@cache
def load_document(name: str) -> Schema:
    """A whole discovery document by its file name: ``sheets.v4.json``."""
    found: Schema = orjson.loads((_DOCUMENTS / name).read_bytes())
    return found


def document() -> Schema:
    """The document of the Sheets API."""
    return load_document("sheets.v4.json")


def schemas() -> Mapping[str, Schema]:
    """All schemas, by name."""
    found: Mapping[str, Schema] = document()["schemas"]
    return found


@cache
def methods() -> Mapping[str, Method]:
    """All methods, by id (``sheets.spreadsheets.values.get``); those with a verb in their path come first."""
    found = sorted(_walk(document()), key=lambda method: ":" not in method.path)
    return {method.id: method for method in found}


def _walk(resource: Schema) -> list[Method]:
    found = [_read_method(method) for method in resource.get("methods", {}).values()]
    for below in resource.get("resources", {}).values():
        found.extend(_walk(below))
    return found


def _read_method(method: Schema) -> Method:
    parameters = {name: p for name, p in method["parameters"].items() if p["location"] == "query"}
    return Method(
        id=method["id"],
        verb=method["httpMethod"],
        path=method["path"],
        request=method.get("request", {}).get("$ref"),
        response=method["response"]["$ref"],
        parameters=parameters,
        scopes=tuple(method.get("scopes", ())),
        expression=_expression(method["path"]),
    )


def _expression(template: str) -> re.Pattern[str]:
    """Of a path as sent: still percent-encoded, the colon before a verb literal or ``%3A``."""
    pattern, position = "/", 0
    for match in _PARAMETER.finditer(template):
        pattern += _literal(template[position : match.start()]) + f"(?P<{match[1]}>[^/]+?)"
        position = match.end()
    return re.compile(pattern + _literal(template[position:]))


def _literal(text: str) -> str:
    return re.escape(text).replace(":", "(?::|%3[Aa])")


def match_route(verb: str, raw_path: str) -> Match | None:
    """The method that an HTTP request calls; ``raw_path`` is still percent-encoded and has no query."""
    raw_path = _IDLE_SLASHES.sub("", raw_path)
    for method in methods().values():
        if method.verb == verb and (found := method.expression.fullmatch(raw_path)):
            return Match(method, {name: unquote(value) for name, value in found.groupdict().items()})
    return None


def check_answer(method_id: str, body: Any) -> list[str]:
    """What in an answer does not fit the method's response schema, one sentence each; for tests.

    Raises:
        KeyError: No method has this id.
    """
    return check_message(methods()[method_id].response, body)


def check_message(schema: str, body: Any) -> list[str]:
    """What in a message does not fit a schema, one sentence each."""
    problems: list[str] = []
    _check({"$ref": schema}, body, schema, problems)
    return problems


def _check(field: Schema, value: Any, path: str, problems: list[str]) -> None:
    if "$ref" in field:
        field = schemas()[field["$ref"]]
    match field.get("type"):
        case "object":
            _check_object(field, value, path, problems)
        case "array":
            if not isinstance(value, list):
                problems.append(f"{path} is {type(value).__name__}: expected a list.")
                return
            for index, item in enumerate(value):
                _check(field["items"], item, f"{path}[{index}]", problems)
        case "any" | None:
            return
        case kind:
            _check_scalar(field, str(kind), value, path, problems)


def _check_object(field: Schema, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, Mapping):
        problems.append(f"{path} is {type(value).__name__}: expected an object.")
        return
    properties, other = field.get("properties", {}), field.get("additionalProperties")
    for name, item in value.items():
        below = properties.get(name, other)
        if below is None:
            problems.append(f"{path}.{name} is not a field of {field.get('id', 'the object')}.")
        else:
            _check(below, item, f"{path}.{name}", problems)


def _check_scalar(field: Schema, kind: str, value: Any, path: str, problems: list[str]) -> None:
    if not _is_kind(kind, value):
        problems.append(f"{path} is {type(value).__name__}: expected {kind}.")
    elif "enum" in field and value not in field["enum"]:
        problems.append(f"{path} is {value!r}: expected one of {field['enum']}.")


def _is_kind(kind: str, value: Any) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def field_names(schema: str) -> Sequence[str]:
    """The fields of a message, in the document's order."""
    return tuple(schemas()[schema].get("properties", {}))
