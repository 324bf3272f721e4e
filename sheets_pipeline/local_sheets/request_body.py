"""Requests as Google's front end reads them: JSON to message, with its error texts for what does not fit.

Names may be camelCase or snake_case, ``null`` is no value, numbers may be text. All problems of a request are told at
once. The texts follow recorded answers and https://github.com/protocolbuffers/protobuf (``json_util``).
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from sheets_pipeline.local_sheets.discovery import Method, Schema, document, schemas
from sheets_pipeline.local_sheets.field_mask import camel_case

_PACKAGE = "type.googleapis.com/google.apps.sheets.v4."
_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_INTEGER = re.compile(r"-?[0-9]+(\.0*)?")

#: The parameter that a method's body is bound to, where it is not the whole request.
_BODY_NAMES = {
    "sheets.spreadsheets.create": "spreadsheet",
    "sheets.spreadsheets.values.update": "data",
    "sheets.spreadsheets.values.append": "data",
}

#: Enumerations whose name is not their field's; the discovery document does not name them.
#: Names: https://developers.google.com/workspace/sheets/api/reference/rest
_ENUM_NAMES = {
    "responseValueRenderOption": "ValueRenderOption",
    "responseDateTimeRenderOption": "DateTimeRenderOption",
    "horizontalAlignment": "HorizontalAlign",
    "verticalAlignment": "VerticalAlign",
    "autoRecalc": "RecalculationInterval",
    "dimension": "Dimension",
    "majorDimension": "Dimension",
    "visibility": "DeveloperMetadataVisibility",
    "locationType": "DeveloperMetadataLocationType",
    "locationMatchingStrategy": "DeveloperMetadataLocationMatchingStrategy",
    "delimiter": "DelimiterType",
    "shiftDimension": "Dimension",
    "sortOrder": "SortOrder",
    "themeColor": "ThemeColorType",
    "colorType": "ThemeColorType",
}

#: ``type`` and ``style`` mean another enumeration in every message.
_ENUM_NAMES_BY_MESSAGE = {
    ("NumberFormat", "type"): "NumberFormat.NumberFormatType",
    ("BooleanCondition", "type"): "ConditionType",
    ("Border", "style"): "Style",
    ("InterpolationPoint", "type"): "InterpolationPointType",
    ("ErrorValue", "type"): "ErrorType",
    ("CopyPasteRequest", "pasteType"): "PasteType",
    ("PasteDataRequest", "type"): "PasteType",
}

#: Messages that hold one field at most, with the name of the choice.
_ONE_OF = {"Request": "kind", "ExtendedValue": "value"}

_SCALARS = {
    ("string", None): "TYPE_STRING",
    ("string", "google-fieldmask"): "type.googleapis.com/google.protobuf.FieldMask",
    ("string", "google-datetime"): "type.googleapis.com/google.protobuf.Timestamp",
    ("boolean", None): "TYPE_BOOL",
    ("integer", "int32"): "TYPE_INT32",
    ("number", "float"): "TYPE_FLOAT",
    ("number", "double"): "TYPE_DOUBLE",
}


class InvalidPayload(ValueError):
    """A request that does not fit its message: ``str()`` is Google's message, ``details`` its details."""

    def __init__(self, violations: Sequence["Violation"]) -> None:
        self.violations = tuple(violations)
        super().__init__("\n".join(violation.description for violation in violations))

    @property
    def details(self) -> list[dict[str, Any]]:
        """The ``details`` of the error body; empty when no field is to blame."""
        if not self.violations or self.violations[0].is_syntax:
            return []
        listed = [{"field": v.field, "description": v.description} for v in self.violations]
        cleaned = [{name: text for name, text in item.items() if text} for item in listed]
        return [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": cleaned}]


@dataclass(frozen=True, slots=True)
class Violation:
    """One problem: the path of the field in snake_case (``""`` is the request itself) and Google's text."""

    field: str
    description: str
    is_syntax: bool = False


def read_body(method: Method, raw: bytes) -> dict[str, Any]:
    """The message in a request's body, names in camelCase; an empty body is an empty message.

    Raises:
        InvalidPayload: The body is no JSON, or does not fit the method's request.
    """
    if not raw.strip():
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload([_syntax(raw, error.pos)]) from None
    return check_body(method, body)


def _syntax(raw: bytes, position: int) -> Violation:
    """Google shows the rest of the line and puts a caret under the place."""
    text = raw.decode("utf-8", "replace")
    start, end = max(position - 20, 0), min(position + 20, len(text))
    shown = text[start:end].replace("\n", " ")
    rest = text[position:].strip()
    what = "Unexpected token." if rest else "Unexpected end of string."
    return Violation("", f"Invalid JSON payload received. {what}\n{shown}\n{' ' * (position - start)}^", is_syntax=True)


def check_body(method: Method, body: Any) -> dict[str, Any]:
    """A decoded body as the method's message: names in camelCase, nulls gone, numbers and booleans as such.

    Raises:
        InvalidPayload: It does not fit; all problems at once.
    """
    if method.request is None:
        return {}
    reader = _Reader()
    if not isinstance(body, Mapping):
        reader.unknown("", "", "Root element must be a message.")
        raise InvalidPayload(reader.violations)
    message = reader.message(method.request, body, _BODY_NAMES.get(method.id, ""))
    if reader.violations:
        raise InvalidPayload(reader.violations)
    return message


def read_query(method: Method, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The method's query parameters by camelCase name: text, booleans, enums, and lists where repeated.

    The API's own parameters (``fields``, ``alt``, ``prettyPrint`` ...) are not checked and not in the result.

    Raises:
        InvalidPayload: A name is unknown or a value does not fit.
    """
    reader = _Reader()
    found: dict[str, Any] = {}
    for name, text in pairs:
        key = camel_case(name)
        if name in document()["parameters"] or key in document()["parameters"]:
            continue
        parameter = method.parameters.get(key)
        if parameter is None:
            reader.unknown(
                name, "", f"Cannot bind query parameter. Field '{name}' could not be found in request message."
            )
            continue
        value = reader.scalar(parameter, text, _snake_case(key), "", key)
        if parameter.get("repeated"):
            found.setdefault(key, []).append(value)
        else:
            found[key] = value
    if reader.violations:
        raise InvalidPayload(reader.violations)
    return found


@cache
def _snake_case(name: str) -> str:
    return _UPPER.sub("_", name).lower()


@dataclass(slots=True)
class _Reader:
    """Walks one request along its schema and collects what does not fit."""

    violations: list[Violation] = field(default_factory=list)

    def unknown(self, name: str, path: str, why: str) -> None:
        place = f" at '{path}'" if path else ""
        text = f'Invalid JSON payload received. Unknown name "{name}"{place}: {why}'
        self.violations.append(Violation(path, text))

    def invalid(self, path: str, kind: str, value: Any) -> None:
        self.violations.append(Violation(path, f"Invalid value at '{path}' ({kind}), {_shown(value)}"))

    def message(self, name: str, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The fields of one message, by camelCase name."""
        properties = schemas()[name].get("properties", {})
        found: dict[str, Any] = {}
        for key, item in value.items():
            camel = key if key in properties else camel_case(key)
            if camel not in properties:
                self.unknown(key, path, "Cannot find field.")
                continue
            if item is None:
                continue
            if name in _ONE_OF and found:
                why = f"oneof field '{_ONE_OF[name]}' is already set. Cannot set '{camel}'"
                self.violations.append(Violation(path, f"Invalid value at '{path}' (oneof), {why}"))
                continue
            found[camel] = self.field(properties[camel], item, _join(path, _snake_case(camel)), name, camel)
        return found

    def field(self, schema: Schema, value: Any, path: str, message: str, name: str) -> Any:
        """One field: repeated, a map, a message or a scalar."""
        if schema.get("type") == "array":
            return self.repeated(schema["items"], value, path, message, name)
        if isinstance(value, list):
            parent, _, _ = path.rpartition(".")
            self.unknown(name, parent, "Proto field is not repeating, cannot start list.")
            return None
        if "$ref" in schema:
            if isinstance(value, Mapping):
                return self.message(schema["$ref"], value, path)
            self.invalid(path, _PACKAGE + schema["$ref"], value)
            return None
        if schema.get("type") == "object":
            return self.mapping(schema, value, path)
        if schema.get("type") in ("any", None):
            return value
        return self.scalar(schema, value, path, message, name)

    def repeated(self, items: Schema, value: Any, path: str, message: str, name: str) -> list[Any]:
        """A list; one bare value stands for a list of one."""
        if items.get("type") == "array":
            return self.rows(value, path)
        if not isinstance(value, list):
            return [self.field(items, value, path, message, name)]
        places = ((f"{path}[{index}]", item) for index, item in enumerate(value))
        return [self.field(items, item, place, message, name) for place, item in places if item is not None]

    def rows(self, value: Any, path: str) -> list[Any]:
        """The rows of a ``ValueRange``: lists of anything, with their nulls."""
        kind = "type.googleapis.com/google.protobuf.ListValue"
        if not isinstance(value, list):
            self.invalid(path, kind, value)
            return []
        for index, row in enumerate(value):
            if not isinstance(row, list) and row is not None:
                self.invalid(f"{path}[{index}]", kind, row)
        return [[] if row is None else row for row in value]

    def mapping(self, schema: Schema, value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            self.invalid(path, "Map", value)
            return None
        inner = schema.get("additionalProperties")
        if inner is None:
            return dict(value)
        return {key: self.field(inner, item, f"{path}[{key}]", "", key) for key, item in value.items()}

    def scalar(self, schema: Schema, value: Any, path: str, message: str, name: str) -> Any:
        if "enum" in schema:
            return self.enum(schema["enum"], value, path, message, name)
        kind, form = str(schema["type"]), schema.get("format")
        if isinstance(value, Mapping):
            parent, _, _ = path.rpartition(".")
            self.unknown(name, parent, "Starting an object on a scalar field.")
            return None
        read = {"string": _read_text, "boolean": _read_boolean, "integer": _read_integer}.get(kind, _read_number)(value)
        if read is None:
            self.invalid(path, _SCALARS.get((kind, form), "TYPE_STRING"), value)
        return read

    def enum(self, names: Sequence[str], value: Any, path: str, message: str, name: str) -> str | None:
        if isinstance(value, str) and value in names:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
            return names[value]
        kind = _ENUM_NAMES_BY_MESSAGE.get((message, name)) or _ENUM_NAMES.get(name) or name[:1].upper() + name[1:]
        self.invalid(path, _PACKAGE + kind, value)
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    """A value as it stands in an error text: ``"text"``, ``5``, ``true``."""
    return f'"{value}"' if isinstance(value, str) else orjson.dumps(value).decode()


def _read_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _read_boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _read_integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            return None
        value = float(value)
    if not isinstance(value, int | float) or not -(2**31) <= value < 2**31:
        return None
    return int(value)


def _read_number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not math.isnan(value) else None


def check_cells(values: Iterable[Sequence[Any]]) -> None:
    """Refuse a cell that is a list or an object.

    Raises:
        InvalidPayload: With Google's dump of the first such cell.
    """
    for row_index, row in enumerate(values):
        for column_index, cell in enumerate(row):
            if isinstance(cell, list | Mapping):
                text = f"Invalid values[{row_index}][{column_index}]: {_dump(cell, 0)}"
                raise InvalidPayload([Violation("", text, is_syntax=True)])


def _dump(value: Any, depth: int) -> str:
    """The text form of a ``google.protobuf.Value``."""
    pad = "  " * depth
    match value:
        case None:
            return f"{pad}null_value: NULL_VALUE\n"
        case bool():
            return f"{pad}bool_value: {str(value).lower()}\n"
        case int() | float():
            number = int(value) if float(value).is_integer() else value
            return f"{pad}number_value: {number}\n"
        case str():
            return f"{pad}string_value: {orjson.dumps(value).decode()}\n"
        case list():
            inner = "".join(f"{pad}  values {{\n{_dump(item, depth + 2)}{pad}  }}\n" for item in value)
            return f"{pad}list_value {{\n{inner}{pad}}}\n"
    fields = "".join(
        f"{pad}  fields {{\n{pad}    key: {orjson.dumps(key).decode()}\n{pad}    value {{\n"
        f"{_dump(item, depth + 3)}{pad}    }}\n{pad}  }}\n"
        for key, item in sorted(value.items())
    )
    return f"{pad}struct_value {{\n{fields}{pad}}}\n"
