"""The JSON schema of a document that declares a tab, from the model that judges it, for editors."""

from copy import deepcopy
from typing import Any

from sheets_pipeline.components.tab_declaration import TAB_TYPE, TabDeclaration

_VARIABLE = {
    "type": "object",
    "description": "The text of a variable of the environment or of .env.",
    "properties": {"env": {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}},
    "required": ["env"],
    "additionalProperties": False,
}


def tab_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12)."""
    attributes = TabDeclaration.model_json_schema()
    definitions = attributes.pop("$defs")
    attributes["oneOf"] = [{"required": ["sql"]}, {"required": ["sql_file"]}]
    definitions = {name: _with_variables(one) for name, one in definitions.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A tab of the Sheets Pipeline",
        "type": "object",
        "properties": {"type": {"const": TAB_TYPE}, "attributes": _with_variables(attributes)},
        "required": ["type", "attributes"],
        "additionalProperties": False,
        "$defs": definitions | {"Variable": _VARIABLE},
    }


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
