"""Field masks: which parts of an answer are shown, which parts of a message an update touches.

Forms: ``a,b.c(d,e)``, ``a/b``, snake_case or camelCase, ``*``. Spaces are not skipped: `` b`` is an unknown field.
See https://developers.google.com/workspace/sheets/api/guides/field-masks
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_TOKEN = re.compile(r"[^(),./]+|[(),./]")
#: Fields within fields; the deepest message of the API has less than thirty.
_MOST_DEPTH = 100
_SNAKE = re.compile(r"_+([a-zA-Z0-9])")

#: A schema of a discovery document: ``{"properties": {name: {"$ref" | "items" | "additionalProperties" ...}}}``.
Schemas = Mapping[str, Mapping[str, Any]]


class FieldMaskError(ValueError):
    """A mask that names unknown fields or cannot be read; ``paths`` are the paths Google would list."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = list(paths)
        super().__init__("Request contains an invalid argument.")

    @property
    def descriptions(self) -> list[str]:
        """One sentence per path, as in the ``fieldViolations`` of Google's answer."""
        return [f"Error expanding 'fields' parameter. Cannot find matching fields for path '{p}'." for p in self.paths]

    def details(self) -> list[dict[str, Any]]:
        """The ``details`` of Google's answer."""
        violations = [
            {"field": path, "description": text} for path, text in zip(self.paths, self.descriptions, strict=True)
        ]
        return [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]


class Mask:
    """A tree of field names in camelCase; a leaf means everything below it."""

    __slots__ = ("_tree",)

    def __init__(self, tree: dict[str, "Mask"]) -> None:
        self._tree = tree

    @property
    def is_everything(self) -> bool:
        star = self._tree.get("*")
        return not self._tree or (star is not None and star.is_everything)

    def __contains__(self, path: str) -> bool:
        """Whether the field at this dotted camelCase path, or any part of it, is in the mask."""
        mask = self
        for name in path.split("."):
            if not mask._tree:
                return True
            below = mask._tree.get(name) or mask._tree.get("*")
            if below is None:
                return False
            mask = below
        return True

    def below(self, name: str) -> "Mask | None":
        """The mask for one field, None when the field is not in it."""
        if not self._tree:
            return self
        named, star = self._tree.get(name), self._tree.get("*")
        return named if named is not None else star

    def pick(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The part of an answer that the mask names.

        A message or a list of messages keeps its place when none of its own fields is named, as ``{}``:
        ``sheets.properties.hidden`` of a visible tab gives ``{"sheets": [{"properties": {}}]}``.
        """
        if not self._tree:
            return dict(message)
        picked = {}
        for key, value in message.items():
            below = self.below(key)
            if below is not None:
                picked[key] = _pick_value(below, value)
        return picked

    def paths(self) -> list[str]:
        """The dotted camelCase paths of all leaves, in the order they were written."""
        return self._walk("")

    def _walk(self, prefix: str) -> list[str]:
        paths: list[str] = []
        for name, below in self._tree.items():
            paths.extend(below._walk(f"{prefix}{name}.") if below._tree else [prefix + name])
        return paths

    def check(self, schemas: Schemas, schema: str) -> None:
        """Compare all names with a discovery document's schema.

        Raises:
            FieldMaskError: A name is not in it.
        """
        unknown = _unknown(self, schemas, schemas[schema], "")
        if unknown:
            raise FieldMaskError(unknown)


def _pick_value(mask: Mask, value: Any) -> Any:
    if mask.is_everything:
        return value
    if isinstance(value, Mapping):
        return mask.pick(value)
    if isinstance(value, list):
        return [_pick_value(mask, item) for item in value]
    return value


def _unknown(mask: Mask, schemas: Schemas, schema: Mapping[str, Any], prefix: str) -> list[str]:
    unknown: list[str] = []
    properties = schema.get("properties", {})
    for name, below in mask._tree.items():
        if name == "*":
            continue
        if name not in properties and "additionalProperties" not in schema:
            unknown.extend(below._walk(f"{prefix}{name}.") or [prefix + name])
        elif below._tree:
            target = _message_of(schemas, properties.get(name) or schema["additionalProperties"])
            unknown.extend(
                [prefix + path for path in (f"{name}.{p}" for p in below.paths())]
                if target is None
                else _unknown(below, schemas, target, f"{prefix}{name}.")
            )
    return unknown


def _message_of(schemas: Schemas, field: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of a field's message or of the messages in its list; None for plain values."""
    field = field.get("items", field)
    if "$ref" in field:
        return schemas[field["$ref"]]
    if "additionalProperties" in field or "properties" in field:
        return field
    return None


def camel_case(name: str) -> str:
    """``start_row_index`` and ``startRowIndex`` are both ``startRowIndex``."""
    return _SNAKE.sub(lambda match: match[1].upper(), name)


def parse_mask(text: str) -> Mask:
    """Read a mask.

    Raises:
        FieldMaskError: The text is no mask; its path is the text itself.
    """
    tokens = _TOKEN.findall(text)
    reader = _Reader(text, tokens)
    tree = reader.fields()
    if reader.position < len(tokens):
        raise FieldMaskError([text])
    return Mask(tree)


class _Reader:
    """Recursive descent over the tokens of one mask."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text, self.tokens, self.position, self.depth = text, tokens, 0, 0

    def fields(self) -> dict[str, Mask]:
        tree: dict[str, Mask] = {}
        while True:
            self.field(tree)
            if self.peek() != ",":
                return tree
            self.position += 1

    def field(self, tree: dict[str, Mask]) -> None:
        name = self.peek()
        self.depth += 1
        if not name or name in "(),./" or self.depth > _MOST_DEPTH:
            raise FieldMaskError([self.text])
        self.position += 1
        key = name if name == "*" else camel_case(name)
        below: dict[str, Mask] = {}
        if self.peek() in (".", "/"):
            self.position += 1
            self.field(below)
        elif self.peek() == "(":
            self.position += 1
            below = self.fields()
            if self.peek() != ")":
                raise FieldMaskError([self.text])
            self.position += 1
        self.depth -= 1
        _merge(tree, key, below)

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""


def _merge(tree: dict[str, Mask], key: str, below: dict[str, Mask]) -> None:
    """Add one field; a field named as a whole stays whole."""
    present = tree.get(key)
    if present is None or not below:
        tree[key] = Mask(below)
    elif present._tree:
        for name, mask in below.items():
            _merge(present._tree, name, mask._tree)
