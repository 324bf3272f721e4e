"""The JSON schema of a document, from the models that judge it, for editors."""

from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from sheets_pipeline.components.project import MODELS
from sheets_pipeline.components.source_declaration import LIST_KEYS, OTHER_TYPES, ListedSource
from sheets_pipeline.components.spreadsheet_declaration import CredentialDeclaration, SpreadsheetsDeclaration
from sheets_pipeline.components.tab_declaration import TabDeclaration

#: Of these attributes a document gives one.
_ONE_OF: dict[type[BaseModel], tuple[str, ...]] = {
    TabDeclaration: ("sql", "sql_file"),
    SpreadsheetsDeclaration: SpreadsheetsDeclaration.sources,
    CredentialDeclaration: ("key_file", "key"),
}

_VARIABLE = {
    "type": "object",
    "description": "The text of a variable of the environment or of .env.",
    "properties": {"env": {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}},
    "required": ["env"],
    "additionalProperties": False,
}


def document_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12)."""
    definitions: dict[str, Any] = {"Variable": _VARIABLE}
    documents = [_document(kind, model, definitions) for kind, model in MODELS.items()]
    documents.append(_list_of_sources(definitions))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A declaration of the Sheets Pipeline",
        "oneOf": documents,
        "$defs": definitions,
    }


def _document(kind: str, model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """A document of this type; what it refers to is put into the definitions."""
    attributes = model.model_json_schema()
    definitions |= {name: _with_variables(one) for name, one in attributes.pop("$defs", {}).items()}
    if model in _ONE_OF:
        attributes["oneOf"] = [{"required": [name]} for name in _ONE_OF[model]]
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, "attributes": _with_variables(attributes)},
        "required": ["type", "attributes"],
        "additionalProperties": False,
    }


def _list_of_sources(definitions: dict[str, Any]) -> dict[str, Any]:
    """A file with many sources; those that are no spreadsheets are passed by."""
    listed = ListedSource.model_json_schema()
    definitions |= {name: _with_nulls(_with_variables(one)) for name, one in listed.pop("$defs", {}).items()}
    other = {"type": "object", "properties": {"type": {"enum": list(OTHER_TYPES)}}, "required": ["type"]}
    return {
        "type": "object",
        "properties": {
            **{key: {} for key in LIST_KEYS},
            "sources": {"type": "array", "items": {"anyOf": [_with_nulls(_with_variables(listed)), other]}},
        },
        "required": ["sources"],
        "additionalProperties": False,
    }


def _with_nulls(model: dict[str, Any]) -> dict[str, Any]:
    """What may be left out may be null."""
    for name, value in model["properties"].items():
        if name not in model.get("required", ()):
            value["anyOf"].append({"type": "null"})
    return model


def _with_variables(model: dict[str, Any]) -> dict[str, Any]:
    """A variable may stand where a text is expected; null is none of the values that people write."""
    changed = deepcopy(model)
    for name, value in changed["properties"].items():
        value.pop("title", None)
        facts = {key: value.pop(key) for key in ("description", "default") if key in value}
        choices = [one for one in value.pop("anyOf", [value]) if one.get("type") != "null"]
        if facts.get("default", ...) is None:
            del facts["default"]
        takes_text = any(one.get("type") == "string" for one in choices)
        choices = [_with_variable_items(one) for one in choices]
        changed["properties"][name] = facts | {
            "anyOf": [*choices, *([{"$ref": "#/$defs/Variable"}] if takes_text else [])]
        }
    return changed


def _with_variable_items(choice: dict[str, Any]) -> dict[str, Any]:
    if choice.get("type") != "array" or "$ref" in choice["items"]:
        return choice
    return choice | {"items": {"anyOf": [choice["items"], {"$ref": "#/$defs/Variable"}]}}
