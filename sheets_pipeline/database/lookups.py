"""What a query looks rows up by, as its text says, so that a missing index can be named before it is missed.

Only what is plain is told: a column of a table that is compared with a value. The database alone knows the rest.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from sheets_pipeline.database.query_text import Query

_NAME = r'(?:"(?:[^"]|"")+"|`[^`]+`|[^\W\d]\w*)'
_TABLE = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
_NO_ALIAS = (
    "from|where|on|using|join|inner|left|right|full|cross|natural|group|order|limit|union|having|window|offset|fetch"
)
_OPAQUE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_TABLES = re.compile(
    rf"(?:\bfrom|\bjoin|,)\s+(?:only\s+|lateral\s+)?({_TABLE})(?:\s+(?:as\s+)?(?!(?:{_NO_ALIAS})\b)({_NAME}))?",
    re.IGNORECASE,
)
_COLUMN = rf"(?:({_NAME})\s*\.\s*)?({_NAME})"
_VALUE = rf"(?:cast\s*\(\s*)?(?<!:):{_NAME}"
_COMPARED = re.compile(rf"{_COLUMN}\s*(?:=|\bin\s*\()\s*{_VALUE}|{_VALUE}\s*=\s*{_COLUMN}", re.IGNORECASE)
_ITEM = re.compile(rf"(?:({_NAME})\s*\.\s*)?({_NAME}|\*)(?:\s+(?:as\s+)?({_NAME}))?", re.IGNORECASE)
_SELECTED = re.compile(r"\s*select\s+(?:distinct\s+)?", re.IGNORECASE)

#: Table → its columns; None where it is no table.
Columns = Callable[[str], Collection[str] | None]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A table and columns of it by which one statement finds rows."""

    table: str
    columns: tuple[str, ...]


def looked_up(sql: str, columns_of: Columns) -> list[Lookup]:
    """The columns that are compared with parameters (``:name``)."""
    text = _plain(sql)
    tables = _tables(text, columns_of)
    pairs = ((match[1] or match[3], match[2] or match[4]) for match in _COMPARED.finditer(text))
    return _grouped(_resolved(alias, column, tables, columns_of) for alias, column in pairs)


def looked_up_by_key(query: Query, key: tuple[str, ...], columns_of: Columns) -> list[Lookup]:
    """The columns by which a tab's query finds the rows of given keys."""
    text = _plain(query.all_rows)
    tables = _tables(text, columns_of)
    if query.names_keys:
        named = [_ITEM.fullmatch(part.strip()) for columns in query.columns for part in columns]
        return _grouped(_resolved(match[1], match[2], tables, columns_of) for match in named if match)
    return _grouped(
        _resolved(alias, name if column == "*" else column, tables, columns_of)
        for name in key
        for alias, column, shown in _selected(text)
        if _unquoted(shown or column) in (name, "*")
    )


def _plain(sql: str) -> str:
    """Without comments and texts."""
    return _OPAQUE.sub(lambda match: " " if match[0][:2] in ("--", "/*") else "''", sql)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[:1] in ('"', "`") else name


def _tables(text: str, columns_of: Columns) -> dict[str, str]:
    """Alias → table, of those that the database has."""
    found: dict[str, str] = {}
    for match in _TABLES.finditer(text):
        parts = [_unquoted(part) for part in re.findall(_NAME, match[1])]
        table = ".".join(parts)
        if columns_of(table) is not None:
            found[_unquoted(match[2]) if match[2] else parts[-1]] = table
    return found


def _resolved(alias: str | None, column: str, tables: Mapping[str, str], columns_of: Columns) -> tuple[str, str] | None:
    """The table that a column is of, where that is plain."""
    name = _unquoted(column)
    wanted = {tables[_unquoted(alias)]} if alias and _unquoted(alias) in tables else set(tables.values())
    having = {table for table in wanted if name in (columns_of(table) or ())}
    return (having.pop(), name) if len(having) == 1 and (not alias or _unquoted(alias) in tables) else None


def _grouped(pairs: Iterator[tuple[str, str] | None]) -> list[Lookup]:
    tables: dict[str, list[str]] = {}
    for pair in pairs:
        if pair is not None and pair[1] not in tables.setdefault(pair[0], []):
            tables[pair[0]].append(pair[1])
    return [Lookup(table, tuple(columns)) for table, columns in tables.items()]


def _selected(text: str) -> Iterator[tuple[str | None, str, str | None]]:
    """The plain columns of the outermost list of columns: alias of their table, column, name in the result."""
    if not (start := _SELECTED.match(text)):
        return
    depth, begun = 0, start.end()
    for match in re.compile(r"[(),]|\bfrom\b|$", re.IGNORECASE).finditer(text, begun):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth or (match[0] in "()" and match[0]):
            continue
        if item := _ITEM.fullmatch(text[begun : match.start()].strip()):
            yield item[1], item[2], item[3]
        begun = match.end()
        if match[0] != ",":
            return
