"""Requests as Google's front end reads them: JSON to message, with its error texts for what does not fit.

Names may be camelCase or snake_case, ``null`` is no value, numbers may be text. All problems of a request are told at
once. The texts follow recorded answers and https://github.com/protocolbuffers/protobuf (``json_util``).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from local_sheets.colors import stored_color
from local_sheets.condition_values import wrong_value_count
from local_sheets.discovery import Method, Schema, document, schemas
from local_sheets.field_mask import camel_case
from local_sheets.proto_scalars import READERS, dump_value

_PACKAGE = "type.googleapis.com/google.apps.sheets.v4."
_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

#: The parameter that a method's body is bound to, where it is not the whole request.
_BODY_NAMES = {
    "sheets.spreadsheets.create": "spreadsheet",
    "sheets.spreadsheets.values.update": "data",
    "sheets.spreadsheets.values.append": "data",
}

#: Enumerations whose name does not follow from their first value; the discovery document does not name them.
#: Names: https://developers.google.com/workspace/sheets/api/reference/rest
_ENUM_NAMES = {
    "valueInputOption": "ValueInputOption",
    "valueRenderOption": "ValueRenderOption",
    "responseValueRenderOption": "ValueRenderOption",
    "dateTimeRenderOption": "DateTimeRenderOption",
    "responseDateTimeRenderOption": "DateTimeRenderOption",
    "insertDataOption": "InsertDataOption",
    "pasteType": "PasteType",
    "type": "PasteType",
    "pasteOrientation": "PasteOrientation",
    "mergeType": "MergeType",
    "valueLayout": "PivotValueLayout",
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
        value = reader.scalar(parameter, text, _snake_case(key), key)
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
            read = self.field(properties[camel], item, _join(path, _snake_case(camel)), camel)
            if read == [] or (read == {} and properties[camel].get("$ref") == "ColorStyle"):
                continue  # a repeated field without values is not there, nor a colour that names none
            found[camel] = read
        if name == "BooleanCondition" and (problem := wrong_value_count(found)):
            place = ".".join(camel_case(part) for part in path.split(".")[:2])
            self.violations.append(Violation("", f"Invalid {place}: {problem}", is_syntax=True))
        return stored_color(found) if name == "Color" else found

    def field(self, schema: Schema, value: Any, path: str, name: str) -> Any:
        """One field: repeated, a map, a message or a scalar."""
        if schema.get("type") == "array":
            return self.repeated(schema["items"], value, path, name)
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
        return self.scalar(schema, value, path, name)

    def repeated(self, items: Schema, value: Any, path: str, name: str) -> list[Any]:
        """A list; one bare value stands for a list of one, and lists within it are laid out flat."""
        if items.get("type") == "array":
            return self.rows(value, path)
        if not isinstance(value, list):
            return [self.field(items, value, path, name)]
        if items.get("$ref") == "CellData" and all(map(_is_plain_cell, value)):
            return value  # most of what is ever sent, by the ten thousand
        found: list[Any] = []
        for index, item in enumerate(value):
            place = f"{path}[{index}]"
            if isinstance(item, list):
                found.extend(self.repeated(items, item, place, name))
            elif item is not None:
                found.append(self.field(items, item, place, name))
        return found

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
        return {key: self.field(inner, item, f"{path}[{key}]", key) for key, item in value.items()}

    def scalar(self, schema: Schema, value: Any, path: str, name: str) -> Any:
        if "enum" in schema:
            return self.enum(schema["enum"], value, path, name)
        kind, form = str(schema["type"]), schema.get("format")
        if isinstance(value, Mapping):
            parent, _, _ = path.rpartition(".")
            self.unknown(name, parent, "Starting an object on a scalar field.")
            return None
        read = READERS[kind](value)
        if form == "google-fieldmask" and isinstance(read, str):
            return read.replace(" ", "")
        if read is None:
            self.invalid(path, _SCALARS.get((kind, form), "TYPE_STRING"), value)
        return read

    def enum(self, names: Sequence[str], value: Any, path: str, name: str) -> str | None:
        if isinstance(value, str) and value in names:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
            return names[value]
        kind = _enum_name(names[0], name)
        self.invalid(path, _PACKAGE + kind, value)
        return None


#: Kinds of values that a cell mostly holds, with the types in which nothing is left to be read.
_PLAIN_VALUES: Mapping[str, tuple[type, ...]] = {
    "stringValue": (str,),
    "numberValue": (int, float),
    "boolValue": (bool,),
}


def _is_plain_cell(cell: Any) -> bool:
    """Whether a ``CellData`` is empty or holds one text, number or truth value and nothing else."""
    if type(cell) is not dict or len(cell) > 1:
        return False
    if not cell:
        return True
    value = cell.get("userEnteredValue")
    if type(value) is not dict or len(value) != 1:
        return False
    [(kind, plain)] = value.items()
    return type(plain) in _PLAIN_VALUES.get(kind, ())


def _enum_name(first: str, field_name: str) -> str:
    """``HORIZONTAL_ALIGN_UNSPECIFIED`` is the first value of ``HorizontalAlign``."""
    stem = re.sub(r"_(UNSPECIFIED|UNDEFINED)$", "", first)
    if stem == first or stem == "INPUT_VALUE_OPTION":
        return _ENUM_NAMES.get(field_name) or field_name[:1].upper() + field_name[1:]
    return "".join(part.capitalize() for part in stem.split("_"))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    """A value as it stands in an error text: ``"text"``, ``5``, ``true``."""
    return f'"{value}"' if isinstance(value, str) else orjson.dumps(value).decode()


def check_cells(values: Iterable[Sequence[Any]]) -> None:
    """Refuse a cell that is a list or an object.

    Raises:
        InvalidPayload: With Google's dump of the first such cell.
    """
    for row_index, row in enumerate(values):
        for column_index, cell in enumerate(row):
            if isinstance(cell, list | Mapping):
                text = f"Invalid values[{row_index}][{column_index}]: {dump_value(cell)}"
                raise InvalidPayload([Violation("", text, is_syntax=True)])
