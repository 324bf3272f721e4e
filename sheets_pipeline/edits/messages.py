"""The Apps Script's messages: what one holds, and whether a body is one. Every part of it has its bounds."""

import math
import re
from datetime import tzinfo
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sheets_pipeline.edits.typed_over import is_told
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.merge import UNKNOWN, Unknown
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.typed_cells import Moment, Typed

#: Rows of one message; the script sends "look" for more.
MOST_ROWS = 500
#: How an event tells a number, whatever the locale.
_NUMBER = re.compile(r"-?\d+(\.\d+)?(E[+-]?\d+)?", re.ASCII | re.IGNORECASE)
#: Longest id of a spreadsheet, in characters.
_LONGEST_ID = 254

_Word = Annotated[str, StringConstraints(max_length=_LONGEST_ID, pattern=r"^[^\x00-\x1f\x7f]*$")]


class MessageRefused(Exception):
    """A message of the webhook that is not taken, and the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Date(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    date: Annotated[int, Field(ge=-62_135_596_800_000, le=253_402_300_799_999)]


_Value = Annotated[str, StringConstraints(max_length=50_000)] | bool | int | float | _Date | None


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    key: Annotated[list[_Value], Field(min_length=1, max_length=20)]
    cells: Annotated[list[_Value], Field(max_length=1000)]
    #: Of a row without its whole key: the other cells that people may edit.
    rest: Annotated[list[_Value], Field(max_length=1000)] = Field(default_factory=list)


class Message(BaseModel):
    """What the script sends. ``probe`` asks for nothing but an answer, ``look`` says that something changed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F-]{36}$")]
    kind: Literal["edit", "look", "probe"]
    spreadsheet: _Word
    tab: _Word = ""
    at: Annotated[int, Field(ge=0, le=253_402_300_799_999)]
    locale: _Word = ""
    zone: _Word = ""
    editor: _Word = ""
    columns: Annotated[list[_Word], Field(max_length=1000)] = Field(default_factory=list)
    rest: Annotated[list[_Word], Field(max_length=1000)] = Field(default_factory=list)
    #: What a look says was done to the spreadsheet, in Apps Script's word; blank where a tab was edited.
    change: _Word = ""
    rows: Annotated[list[_Row], Field(max_length=MOST_ROWS)] = Field(default_factory=list)
    #: What the event says that its single cell held before, and what was typed.
    old: _Value = None
    new: _Value = None
    #: Whether key cells were among those that were changed.
    keys: bool = False

    @property
    def is_of_one_cell(self) -> bool:
        """Whether its event can say what was typed."""
        return len(self.rows) == len(self.columns) == 1

    @property
    def may_be_cut(self) -> bool:
        """Whether cells may have been moved here: the event of a cell that was typed into says so, no other event does."""
        return self.kind == "edit" and self.old is None and self.new is None


def spreadsheet_of(body: bytes) -> str:
    """The id that a message names, whose secret must have signed it; blank where it names none."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    named = message.get("spreadsheet") if isinstance(message, dict) else None
    return named if isinstance(named, str) and len(named) <= _LONGEST_ID else ""


def parsed(body: bytes) -> Message:
    """The message of a body.

    Raises:
        MessageRefused: It is none; no value of it is shown.
    """
    try:
        message = Message.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise MessageRefused(400, "Expected JSON.") from None
    except ValidationError as error:
        places = sorted(
            {".".join("*" if isinstance(part, int) else str(part) for part in one["loc"][:1]) for one in error.errors()}
        )
        raise MessageRefused(
            400, f"Expected a message of the Apps Script; wrong are: {', '.join(places)[:200]}."
        ) from None
    if any(len(row.cells) != len(message.columns) for row in message.rows):
        raise MessageRefused(400, "Expected as many cells in each row as there are columns.")
    if any(row.rest and len(row.rest) != len(message.rest) for row in message.rows):
        raise MessageRefused(400, "Expected as many other cells in each row as there are other columns.")
    columns = [*message.columns, *message.rest]
    if message.kind == "edit" and len(set(columns)) < len(columns):
        raise MessageRefused(400, "Expected each column once.")
    return message


def old_of(message: Message, tab: Tab, zone: tzinfo) -> tuple[Cell | Unknown, bool]:
    """What the event of a single cell says that it held, and whether it is sure to be that of the message's row: the script
    found there what was typed. Otherwise somebody has typed there again, or sorted the rows."""
    if message.old is None or not message.is_of_one_cell:
        return UNKNOWN, False
    is_sure = is_told(as_typed(message.new), as_typed(message.rows[0].cells[0]), zone)
    return _held(message.old, tab.column(message.columns[0])), is_sure


def is_of_event(message: Message, zone: tzinfo) -> bool:
    """Whether its event itself says that this person typed what the script found; of several cells none says so."""
    if message.new is None or not message.is_of_one_cell:
        return False
    return is_told(as_typed(message.new), as_typed(message.rows[0].cells[0]), zone)


def typed_over(message: Message, tab: Tab) -> Cell | Unknown:
    """What the event of a single cell says was typed, where the script found something else there by then: somebody had
    typed there again, or rows had moved. What it found is not this person's. Unknown where that is not sure.
    """
    if not isinstance(message.new, str) or not message.is_of_one_cell:
        return UNKNOWN
    [told], column = message.rows[0].cells, tab.column(message.columns[0])
    return _held(message.new, column) if _is_another(message.new, told) else UNKNOWN


def _is_another(new: str, cell: _Value) -> bool:
    """Whether a cell holds something else than a text of an event; only where both are sure to be told in one way."""
    if isinstance(cell, bool):
        return new in ("TRUE", "FALSE") and new != str(cell).upper()
    if isinstance(cell, str):
        return not new.startswith("=") and new.removeprefix("'") != cell.removeprefix("'")
    if isinstance(cell, int | float) and _NUMBER.fullmatch(new):
        return not math.isclose(float(new), cell, rel_tol=1e-9)
    return False


def _held(value: _Value, column: Column) -> Cell | Unknown:
    """What an event says that a cell held: a text always, of numbers and dates their digits, whatever the locale."""
    if not isinstance(value, str) or column.type is ColumnType.TEXT:
        return UNKNOWN if isinstance(value, _Date) else value
    if column.type is ColumnType.BOOLEAN:
        return {"TRUE": True, "FALSE": False}.get(value, value)
    return float(value) if _NUMBER.fullmatch(value) else value


def as_typed(value: Any) -> Typed:
    """A value of a message as the ledger knows it."""
    return Moment(value.date) if isinstance(value, _Date) else value
