"""What a declaration of spreadsheets or of a credential in YAML may say; beside ``tab_declaration.py``."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from sheets_pipeline.components.yaml_nodes import Place
from sheets_pipeline.settings import LABEL, spreadsheet_id_in
from sheets_pipeline.sync.spreadsheet import DEFAULT

#: Types of documents.
SPREADSHEETS_TYPE, CREDENTIAL_TYPE = "sheets_pipeline.Spreadsheets", "sheets_pipeline.Credential"

#: What a list has to say of each of its spreadsheets, and what it may say.
NEEDED, OPTIONAL = ("id", "url"), ("credential", "owner")


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


#: A number, too, as ids of tables are.
Text = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int), Field(min_length=1)]


#: The name of a spreadsheet, or each one of a list.
TabSpreadsheet = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "properties": {
                        "each": {"type": "string", "description": "Name of a list of spreadsheets."},
                        "by": {
                            "type": "string",
                            "description": "The column whose value is the id of a row's spreadsheet.",
                        },
                    },
                    "required": ["each", "by"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class ListedSpreadsheet(BaseModel):
    """One spreadsheet of a list."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Text = Field(description="What rows call it in the column by; its name in the list.")
    url: str = Field(min_length=1, description="Its address, or Google's id of it.")
    credential: str | None = Field(None, description="Name of the credential that reaches it.")
    owner: str | None = Field(None, description="Whom to ask to share it; shown where it cannot be reached.")


_Listed = list[ListedSpreadsheet]


class SpreadsheetsDeclaration(BaseModel):
    """One spreadsheet with a name, or a list of them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, description="What tabs call it.")
    url: str | None = Field(
        None, min_length=1, description="The address of a single spreadsheet, or Google's id of it."
    )
    list: _Listed | None = Field(None, description="Instead of url: a list of spreadsheets.")
    sql: str | None = Field(
        None,
        description="Instead of list: the query of it, with the columns id and url, and perhaps credential and owner.",
    )
    sql_file: str | None = Field(None, description="Instead of sql: a file with the query, beside this one.")
    credential: str | None = Field(None, description="Name of the credential; of a list, where it says nothing else.")
    owner: str | None = Field(None, description="Whom to ask to share it.")

    sources: ClassVar[tuple[str, ...]] = ("url", "list", "sql", "sql_file")

    @property
    def is_single(self) -> bool:
        """Whether it is one spreadsheet, and no list."""
        return self.url is not None

    @model_validator(mode="after")
    def _fits_together(self) -> "SpreadsheetsDeclaration":
        _raise([*_name_faults(self.name), *self._source_faults(), *self._list_faults()])
        return self

    def _source_faults(self) -> Iterator[tuple[Place, str]]:
        given = [name for name in self.sources if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            yield (given[-1],) if given else (), f"expected one of {', '.join(self.sources)}, found {found}. Give one"
        try:
            spreadsheet_id_in(self.url or "x")
        except ValueError as error:
            yield ("url",), f"url {error}"

    def _list_faults(self) -> Iterator[tuple[Place, str]]:
        counts = Counter(one.id for one in self.list or ())
        for i, one in enumerate(self.list or ()):
            if counts[one.id] > 1:
                yield ("list", i, "id"), f"the id {one.id!r} stands here more than once. Give each spreadsheet its own"


class CredentialDeclaration(BaseModel):
    """Who the pipeline is to Google for some spreadsheets: a service account's key, with a quota of its own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, description="What spreadsheets call it.")
    key_file: str | None = Field(None, min_length=1, description="Path of the key file; from the project's folder.")
    key: str | None = Field(None, min_length=1, description="Instead of key_file: the key itself, from {env: NAME}.")
    reads_per_minute: int | None = Field(None, ge=1, description="Its share of reads; SHEETS_READS_PER_MINUTE else.")
    writes_per_minute: int | None = Field(None, ge=1, description="Its share of writes; SHEETS_WRITES_PER_MINUTE else.")
    hosts: Annotated[str, WithJsonSchema({"type": "string", "pattern": LABEL})] | None = Field(
        None,
        description="Label of the hosts that have its key file (HOST_LABELS there): where runs go to several hosts, those for "
        "its spreadsheets go there.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "CredentialDeclaration":
        faults = list(_name_faults(self.name))
        if (self.key is None) == (self.key_file is None):
            found = "neither" if self.key is None else "both"
            faults.append((("key",) if self.key else (), f"expected key_file or key, found {found}. Give one of them"))
        if self.hosts is not None and not re.match(LABEL, self.hosts):
            faults.append((("hosts",), f"hosts is {self.hosts!r}; expected a label of letters, digits, _ and -"))
        if self.hosts is not None and self.key is not None:
            faults.append(
                (("hosts",), "hosts goes with key_file: a key in the environment is on every host. Use a file")
            )
        _raise(faults)
        return self


def _name_faults(name: str) -> Iterator[tuple[Place, str]]:
    if name == DEFAULT:
        yield ("name",), f"the name {DEFAULT!r} is that of the settings' own. Give it another"
    elif name != name.strip() or not name.isprintable() or "/" in name or len(name) > 60:
        yield ("name",), f"the name is {name!r}; expected at most 60 characters in one line, without / and outer blanks"


def _raise(faults: list[tuple[Place, str]]) -> None:
    if faults:
        text = "; ".join(text for _, text in faults)
        raise PydanticCustomError("declaration", "{text}", {"text": text, "faults": faults})
