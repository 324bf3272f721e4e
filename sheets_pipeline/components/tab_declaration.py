"""What a tab's declaration in YAML may say: one model for the loader, for Dagster's components and for editors (JSON schema)."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from sheets_pipeline.components.edit_declaration import ColumnEdits, TabEdits, edit_faults
from sheets_pipeline.components.spreadsheet_declaration import TabSpreadsheet
from sheets_pipeline.components.yaml_nodes import Place
from sheets_pipeline.database.query_text import UnusableQuery, parse
from sheets_pipeline.settings import OWNER, VALID_INTERVALS, wrong_interval
from sheets_pipeline.sync.parameters import parameters
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each
from sheets_pipeline.sync.tab import MAX_DELETES, MAX_DELETES_SHARE, ColumnType, OnRemoved

#: Google's limit for the title of a tab.
LONGEST_TITLE = 100

#: The type of a document that declares a tab.
TAB_TYPE = "sheets_pipeline.Tab"

PriorityName = Literal["urgent", "normal", "bulk"]
TypeName = Literal["text", "integer", "decimal", "percent", "boolean", "date", "datetime", "json"]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


#: One name, or several.
Names = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
_SomeNames = Annotated[list[str], Field(min_length=1)]
Key = Annotated[_SomeNames, BeforeValidator(_as_list, json_schema_input_type=str | _SomeNames)]


class TabColumn(ColumnEdits):
    """One column of a tab, in the order in which columns are made."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, description="Name of the column in the query's result.")
    header: str | None = Field(None, min_length=1, description="What stands in row 1; the name where left out.")
    type: TypeName | None = Field(
        None, description="How values are kept; taken from the query's result where left out."
    )
    description: str | None = Field(None, description="Shown in the Dagster UI.")


#: For each key column of the tab the column of the changed row: by name, or in the order of the tab's key.
WatchKey = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
            ]
        }
    ),
]


class TabWatch(BaseModel):
    """A table whose changes refresh rows of the tab within a second."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"oneOf": [{"required": ["key"]}, {"required": ["keys_sql"]}]},
    )

    table: str = Field(
        min_length=1, description="The table, with its schema where the search path does not lead to it."
    )
    key: WatchKey = Field(
        None, description="For each key column of the tab, the column of the changed row that holds it."
    )
    keys_sql: str | None = Field(
        None, description='Instead of key: a query of the keys; :name or :"Any Name" is a column of the changed row.'
    )
    columns: Names = Field(
        [], description="Updates that change none of these are passed by; all columns where left out."
    )
    operations: Annotated[
        list[Literal["insert", "update", "delete"]],
        BeforeValidator(_as_list),
        Field(min_length=1, description="Which changes matter; all of them where left out."),
    ] = ["insert", "update", "delete"]
    priority: PriorityName | None = Field(None, description="Of its events; the tab's where left out.")

    def columns_of_key(self, key: list[str]) -> tuple[str, ...]:
        """The columns of the changed row, in the order of the tab's key; none where ``keys_sql`` gives the keys."""
        if self.key is None:
            return ()
        if isinstance(self.key, dict):
            return tuple(self.key[name] for name in key)
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def faults(self, key: list[str], i: int) -> Iterator[tuple[Place, str]]:
        """What does not fit the tab's key."""
        if (self.key is None) == (self.keys_sql is None):
            what = "neither" if self.key is None else "both"
            yield ("watches", i), f"watches[{i + 1}]: expected key or keys_sql, found {what}. Give one of them"
        elif self.keys_sql is not None:
            if (wrong := _wrong_query(self.keys_sql)) is not None:
                yield ("watches", i, "keys_sql"), f"watches[{i + 1}].keys_sql: {wrong}"
            elif not parameters(self.keys_sql):
                text = 'names no column of the changed row, such as :id or :"Order No". Write it where the query has to know the row'
                yield ("watches", i, "keys_sql"), f"watches[{i + 1}].keys_sql {text}"
        elif (wrong := _wrong_watch_key(self.key, key)) is not None:
            yield ("watches", i, "key"), f"watches[{i + 1}].key {wrong}"


def _wrong_query(sql: str) -> str | None:
    try:
        parse(sql, 0)
    except UnusableQuery as error:
        return str(error)
    return None


def _wrong_watch_key(found: Any, key: list[str]) -> str | None:
    names = ", ".join(key)
    if isinstance(found, dict):
        if unknown := [name for name in found if name not in key]:
            return f"names {unknown[0]!r}, which is no key column of the tab{nearest(str(unknown[0]), key)}"
        if lacking := [name for name in key if name not in found]:
            return f"lacks the key column {lacking[0]!r}. Say which column of the changed row holds it"
        found = list(found.values())
    columns = [found] if isinstance(found, str) else found
    if not isinstance(columns, list) or not all(isinstance(name, str) and name for name in columns):
        return f"is none; expected a column of the changed row for each of {names}"
    if len(columns) != len(key):
        return f"has {len(columns)} columns for {len(key)}: {names}"
    return None


class TabDeclaration(BaseModel):
    """A tab: its title, its key, the query of all its rows."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: str = Field(description="Title of the tab, as Google shows it: at most 100 characters.")
    key: Key = Field(description="The columns that tell rows apart.")
    sql: str | None = Field(None, description="The query of all rows.")
    sql_file: str | None = Field(None, description="Instead of sql: a file with the query, beside this one.")
    columns: list[TabColumn] | None = Field(
        None, min_length=1, description="The columns; all of the query's result where left out."
    )
    on_removed: Literal["remove", "mark", "keep"] = Field(
        "remove", description="What happens in the tab to a row that left the database."
    )
    watches: list[TabWatch] = Field(
        [], description="Tables whose changes refresh rows within a second; full syncs alone where left out."
    )
    every: Annotated[int | None, WithJsonSchema({"enum": VALID_INTERVALS})] = Field(
        None, description="Seconds between full syncs; SYNC_INTERVAL_SECONDS where left out."
    )
    priority: PriorityName = Field("normal", description="Who goes first in a full sync, and among events.")
    position: int = Field(
        1000,
        ge=0,
        lt=1_000_000,
        description="Place of a new tab, and turn among tabs of one priority; the lowest first.",
    )
    max_deletes: int = Field(MAX_DELETES, ge=0, description="Rows that a sync may delete without asking ...")
    max_deletes_share: float = Field(
        MAX_DELETES_SHARE,
        ge=0,
        le=1,
        description="... or this share of the tab's rows, whichever is more. With 1 the tab may be emptied.",
    )
    edits: TabEdits | None = Field(None, description="Where edits of editable columns go.")
    owners: Names = Field([], description="Owners of the asset: mail addresses or team:NAME.")
    description: str | None = Field(None, description="Shown in the Dagster UI.")
    allow_values_in_event_log: bool = Field(
        False,
        description="Whether values of cells, and keys that are texts, may be kept in Dagster's event log, where its users read them.",
    )
    spreadsheet: TabSpreadsheet = Field(
        DEFAULT, description="Where it stands: default is that of SPREADSHEET_ID; a name, or {each: LIST, by: COLUMN}."
    )

    status_column: ClassVar[str] = "row_status"

    @model_validator(mode="after")
    def _fits_together(self) -> "TabDeclaration":
        if faults := [
            *_title_faults(self.title),
            *self._query_faults(),
            *self._column_faults(),
            *self._owner_faults(),
            *self._watch_faults(),
            *self._interval_faults(),
            *edit_faults(self.key, self.columns, self.edits, self._kept),
            *self._spreadsheet_faults(),
        ]:
            text = "; ".join(text for _, text in faults)
            raise PydanticCustomError("declaration", "{text}", {"text": text, "faults": faults})
        return self

    def _query_faults(self) -> Iterator[tuple[Place, str]]:
        if (self.sql is None) == (self.sql_file is None):
            found = "neither" if self.sql is None else "both"
            yield ("sql",) if self.sql else (), f"expected sql or sql_file, found {found}. Give one of them"
        for name, text in (("sql", self.sql), ("sql_file", self.sql_file)):
            if text is not None and not text.strip():
                yield (name,), f"{name} is blank. Write the query of all rows"

    def _column_faults(self) -> Iterator[tuple[Place, str]]:
        yield from _doubled(list(self.key), ("key",), "key column")
        if self.columns is None:
            return
        names = [column.name for column in self.columns]
        for i, name in enumerate(self.key):
            if name not in names:
                yield ("key", i), f"the key column {name!r} is not among the columns{nearest(name, names)}"
        yield from ((_in_columns(place), text) for place, text in _doubled(names, ("name",), "column"))
        for i, column in enumerate(self.columns):
            if column.header is not None and not column.header.strip():
                yield ("columns", i, "header"), f"columns[{i + 1}].header is blank. Write what stands in row 1"
        headers = [column.header or column.name for column in self.columns]
        if OnRemoved(self.on_removed) is OnRemoved.MARK and self.status_column not in names:
            headers.append(self.status_column)
        yield from ((_in_columns(place), text) for place, text in _doubled(headers, ("header",), "header"))

    @property
    def _kept(self) -> list[str]:
        return [self.status_column] if OnRemoved(self.on_removed) is OnRemoved.MARK else []

    def _watch_faults(self) -> Iterator[tuple[Place, str]]:
        for i, watch in enumerate(self.watches):
            yield from watch.faults(list(self.key), i)

    def _interval_faults(self) -> Iterator[tuple[Place, str]]:
        if self.every is not None and (wrong := wrong_interval(self.every)) is not None:
            yield ("every",), f"every is {self.every}; it {wrong}"

    def _spreadsheet_faults(self) -> Iterator[tuple[Place, str]]:
        found = self.spreadsheet
        if isinstance(found, str) and found:
            return
        if not isinstance(found, dict):
            yield ("spreadsheet",), "spreadsheet: expected a name, or {each: LIST, by: COLUMN}"
            return
        for name in ("each", "by"):
            if not isinstance(found.get(name), str) or not found[name]:
                yield ("spreadsheet",), f"spreadsheet: {name} is missing. Write {{each: LIST, by: COLUMN}}"
        for name in found.keys() - {"each", "by"}:
            yield ("spreadsheet", name), f"spreadsheet: unknown key {name!r}{nearest(name, ['each', 'by'])}"

    @property
    def place(self) -> str | Each:
        """Where the tab stands."""
        found = self.spreadsheet
        return found if isinstance(found, str) else Each(found["each"], found["by"])

    def _owner_faults(self) -> Iterator[tuple[Place, str]]:
        for i, owner in enumerate(self.owners):
            if not OWNER.fullmatch(owner):
                yield ("owners", i), f"expected a mail address or team:NAME, found {owner!r}"


def _in_columns(place: Place) -> Place:
    return ("columns", place[-1], place[0])


def _title_faults(title: str) -> Iterator[tuple[Place, str]]:
    if (wrong := wrong_title(title)) is not None:
        yield ("title",), wrong


def wrong_title(title: object) -> str | None:
    """Why Google does not take the title; None where it does."""
    if not isinstance(title, str) or not title.strip():
        return f"the title is {title!r}; expected a text that is not blank"
    if len(title) > LONGEST_TITLE:
        return f"the title has {len(title)} characters; Google takes {LONGEST_TITLE}"
    if any(ord(character) < 32 or ord(character) == 127 or "\ud800" <= character <= "\udfff" for character in title):
        return f"the title {title!r} has control characters; expected one line of text"
    return None


def _doubled(values: list[str], place: Place, what: str) -> Iterator[tuple[Place, str]]:
    counts = Counter(values)
    for i, value in enumerate(values):
        if counts[value] > 1 and value in values[:i]:
            yield (*place, i), f"the {what} {value!r} stands here twice. Give each its own"


def nearest(word: str, known: list[str]) -> str:
    """``. Did you mean 'x'?``, where something is near enough; else what is known."""
    close = difflib.get_close_matches(word.casefold(), {name.casefold(): name for name in known}, 1, 0.6)
    if close:
        return f". Did you mean {next(name for name in known if name.casefold() == close[0])!r}?"
    return f"; known: {', '.join(known)}" if known else ""


def column_type(name: str) -> ColumnType:
    """The engine's type of this name."""
    return ColumnType(name)


# What pydantic found, in words -----------------------------------------------------------------------------------------

_EXPECTED = {
    "string_type": "a text",
    "list_type": "a list",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "greater_than_equal": "a number from {ge} on",
    "less_than_equal": "a number up to {le}",
    "less_than": "a number below {lt}",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
}


#: What a text, or a list of texts, was expected for.
_OF_TEXTS = ("string_type", "list_type")


def faults_of(
    error: Mapping[str, Any], written: Mapping[Place, str], hidden: set[Place], model: type[BaseModel] = TabDeclaration
) -> Iterator[tuple[Place, str]]:
    """One of ``ValidationError.errors()`` as places and texts.

    Args:
        error: What pydantic found.
        written: The text that stands at a place.
        hidden: Places whose text is not shown.
        model: What the document declares.
    """
    place: Place = tuple(error["loc"])
    kind, name = error["type"], str(place[-1]) if place else ""
    if kind == "declaration":
        yield from ((where, _without(text, where, written, hidden)) for where, text in error["ctx"]["faults"])
    elif kind == "missing":
        yield place[:-1], f"{name} is missing. {_purpose(place, model)}"
    elif kind == "extra_forbidden":
        yield place, _unknown_key(place, model)
    elif kind == "literal_error":
        yield place, _not_one_of(place, written, hidden, model)
    elif kind in ("too_short", "string_too_short"):
        yield place, f"{name} is empty. {_purpose(place, model)}"
    else:
        yield (
            place,
            f"{_named(place)}: expected {_EXPECTED.get(kind, error['msg']).format(**error.get('ctx', {}))}, "
            f"found {_seen(error['input'], place, written, hidden, is_text_wanted=kind in _OF_TEXTS)}",
        )


def _without(text: str, place: Place, written: Mapping[Place, str], hidden: set[Place]) -> str:
    return f"{_named(place)}: what the environment has for it does not fit" if place in hidden else text


def _named(place: Place) -> str:
    """``columns[2].type``"""
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.lstrip(".") or "attributes"


def _fields(place: Place, model: type[BaseModel]) -> Mapping[str, Any]:
    """Those of the model that this place is of."""
    field = model.model_fields.get(str(place[0])) if len(place) > 1 else None
    inner = _model_in(field.annotation) if field else None
    if inner is None:
        return model.model_fields
    rest = place[1:]
    while rest and isinstance(rest[0], int):
        rest = rest[1:]
    return _fields(rest, inner)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a list is of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in getattr(annotation, "__args__", ()) if (found := _model_in(one))), None)


def _purpose(place: Place, model: type[BaseModel]) -> str:
    field = _fields(place, model).get(str(place[-1]))
    return (field.description or "").rstrip(".") if field else ""


def _unknown_key(place: Place, model: type[BaseModel]) -> str:
    name = str(place[-1])
    known = list(_fields(place, model))
    guess = difflib.get_close_matches(name.casefold(), known, 1, 0.6)
    meant = f" Did you mean {guess[0]!r}?" if guess else ""
    return f"unknown key {name!r}.{meant} Known: {', '.join(known)}"


def _not_one_of(place: Place, written: Mapping[Place, str], hidden: set[Place], model: type[BaseModel]) -> str:
    field = [part for part in place if isinstance(part, str)][-1]
    choices = [str(choice) for choice in _choices(_fields(place, model)[field].annotation)]
    text = written.get(place, "")
    shown = (
        "a value that is not shown" if place in hidden else repr(text) if place in written else "a list or a mapping"
    )
    guess = "" if place in hidden else _guess(text, choices)
    return f"{_named(place)} is {shown}; expected one of {', '.join(choices)}.{guess}"


#: How databases call what we call otherwise.
_SYNONYMS = {"int": "integer", "bigint": "integer", "number": "decimal", "numeric": "decimal", "float": "decimal",
             "double": "decimal", "string": "text", "varchar": "text", "bool": "boolean", "timestamp": "datetime",
             "timestamptz": "datetime", "jsonb": "json", "array": "json", "delete": "remove", "uuid": "text"}  # fmt: skip


def _guess(text: str, choices: list[str]) -> str:
    wanted = _SYNONYMS.get(text.casefold(), text.casefold())
    close = difflib.get_close_matches(wanted, choices, 1, 0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def _choices(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    if any(hasattr(one, "__args__") for one in arguments):
        return [choice for one in arguments for choice in _choices(one)]
    return list(arguments)


def _seen(value: Any, place: Place, written: Mapping[Place, str], hidden: set[Place], *, is_text_wanted: bool) -> str:
    if place in hidden:
        return "a value that is not shown"
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = written.get(place, str(value))
    kind = "true or false" if isinstance(value, bool) else "a number" if isinstance(value, int | float) else "a text"
    quotes = " Put it in quotes to make it a text" if is_text_wanted and not isinstance(value, str) else ""
    return f"{text!r}, which is {kind}.{quotes}".rstrip(".")
