"""How an event names a row of a tab: its key as text, a JSON array (``["EU", 7]``) where it has several columns."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from typing import Any

from sheets_pipeline.sync.cells import KEY_SEPARATOR, key_of
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.values import converter
from sheets_pipeline.sync.watch import Watch

#: No database has longer whole numbers; whether its own column takes one, the query says.
_WHOLE = re.compile(r"[+-]?[0-9]{1,38}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,100}(\.[0-9]{0,100})?|\.[0-9]{1,100})")
_SHOWN = 60


class UnusableKey(ValueError):
    """An event's key that can name no row of a tab; the message says why."""


@dataclass(frozen=True, slots=True)
class TabEvents:
    """What events need to know of a tab: what it watches, entities of its own, its key columns.

    An event of one of the ``entities`` names the tab's row by its key; one of a watched table leads there by the watch.
    """

    watches: tuple[Watch, ...]
    entities: tuple[str, ...]
    key: tuple[Column, ...]

    @staticmethod
    def of(tab: Tab, entities: Mapping[str, str]) -> "TabEvents":
        """The same of a declaration; ``entities`` says what the events of each table are called."""
        watches = tuple(replace(watch, entity=entities[watch.table]) for watch in tab.watches)
        own = (edit_entity(tab.title),) if tab.edited else ()
        return TabEvents(watches, (*tab.entities, *own), tuple(map(tab.column, tab.key)))

    def row_key(self, text: str) -> str:
        """The key of the row that an event's key names, as rows of the tab have it.

        Raises:
            UnusableKey: It can be the key of no row.
        """
        if len(self.key) == 1:
            return _part(text, self.key[0])
        key = KEY_SEPARATOR.join(_part(part, column) for part, column in zip(self._parts(text), self.key, strict=True))
        if not key.strip(KEY_SEPARATOR):
            raise UnusableKey("names no row: all its parts are blank")
        return key

    def key_of_values(self, values: Sequence[object]) -> str:
        """The key of the row whose key columns hold these values.

        Raises:
            UnusableKey: They can be the key of no row.
        """
        if len(values) != len(self.key):
            raise UnusableKey(f"has {len(values)} values for {len(self.key)} key columns")
        plain = [value if isinstance(value, str | int | float | None) else str(value) for value in values]
        key = KEY_SEPARATOR.join(_part(value, column) for value, column in zip(plain, self.key, strict=True))
        if not key.strip(KEY_SEPARATOR):
            raise UnusableKey("names no row: it is blank")
        return key

    def _parts(self, text: str) -> list[Any]:
        """The parts of a key of several columns; earlier versions wrote them with U+001F between them."""
        try:
            parts = text.split(KEY_SEPARATOR) if KEY_SEPARATOR in text else json.loads(text)
        except (ValueError, RecursionError):
            parts = None
        if not isinstance(parts, list) or len(parts) != len(self.key):
            names = ", ".join(column.name for column in self.key)
            raise UnusableKey(f"is not a JSON array of {len(self.key)} values, for the key columns {names}")
        return parts


def edit_entity(title: str) -> str:
    """What events are called that show a row of this tab again after an edit of it."""
    return f"edit of {title}"


def faults(tabs: Mapping[str, TabEvents], entity: str, key: str) -> list[str]:
    """Why an event's key can name no row, for each tab that shows the entity and cannot use the key."""
    reasons = []
    for title, rows in tabs.items():
        if entity in rows.entities:
            try:
                rows.row_key(key)
            except UnusableKey as error:
                reasons.append(f"{error} (tab {shown(title)})")
    return reasons


def stored_key(key: object) -> str:
    """What stands in ``pending_event.key``, for a value or a tuple of values."""
    if not isinstance(key, tuple | list):
        return str(key)
    if len(key) == 1:
        return str(key[0])
    plain = [part if part is None or isinstance(part, str | int | float) else str(part) for part in key]
    return json.dumps(plain, ensure_ascii=False)


#: Types whose cells say nothing of how the database writes a value: a moment is a number in the spreadsheet's time zone.
UNLIKE_TEXT = {ColumnType.DATE, ColumnType.DATETIME, ColumnType.BOOLEAN, ColumnType.JSON}


def keys_of_tab(tab: Tab, keys: Collection[Any]) -> set[str] | None:
    """The keys of touched rows as rows of the tab have them; None where its cells are too unlike what the database writes.

    ``tab`` knows the types that its declaration leaves to the query, which whoever made the keys did not.
    """
    columns = [tab.column(name) for name in tab.key]
    if any(column.type in UNLIKE_TEXT for column in columns):
        return None
    return {_like_rows(str(key), columns) for key in keys}


def _like_rows(key: str, columns: list[Column]) -> str:
    parts = key.split(KEY_SEPARATOR) if len(columns) > 1 else [key]
    try:
        return KEY_SEPARATOR.join(_part(part, column) for part, column in zip(parts, columns, strict=True))
    except ValueError:  # of another type than the column: the database is asked for it as it is, and says so
        return key


def key_parts(key: object, columns: int) -> object:
    """What a tab's function is given for a row's key: a tuple of texts where its key has several columns."""
    return tuple(str(key).split(KEY_SEPARATOR)) if columns > 1 else key


def shown(value: object) -> str:
    """A value for a message: quoted, ASCII, not too long."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _part(value: Any, column: Column) -> str:
    """One part of a key, as ``key_of`` writes the column's cells."""
    if isinstance(value, bool) or not (value is None or isinstance(value, str | int | float)):
        raise UnusableKey(f"has a {type(value).__name__} for the key column {column.name}; expected a text or a number")
    text = key_of(value)
    read = _READERS.get(column.type)
    if read is None or not text:
        return text
    if (part := read(text)) is None:
        raise UnusableKey(f"is not of the type {column.type} of the key column {column.name}")
    return part


def _whole(text: str) -> str | None:
    return str(int(text)) if _WHOLE.fullmatch(text) else None


def _decimal(text: str) -> str | None:
    return key_of(_as_decimal(Decimal(text))) if _DECIMAL.fullmatch(text) else None


_as_decimal = converter(ColumnType.DECIMAL, UTC)
#: Types whose keys have one form only, whatever way an event writes them: ``007`` is row 7.
_READERS: dict[ColumnType, Callable[[str], str | None]] = {
    ColumnType.INTEGER: _whole,
    ColumnType.DECIMAL: _decimal,
    ColumnType.PERCENT: _decimal,
}
