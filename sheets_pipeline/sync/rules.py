"""What keeps people from typing what will not be taken: rules of cells in editable columns, warnings on all other columns.

What was set in each column is remembered as a short mark, so that nothing is read or written while that is what is wanted.
Ours are told from people's by their words: a rule's help text, a warning's description.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.notes import Place
from sheets_pipeline.sync.snapshot import row_runs
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

#: Google refuses longer lists: "The data validation rule has more items than the limit of 500."
MOST_ENTRIES = 500
#: Beyond this many entries over all rows, lists are not read whole to see whether people changed them.
_MOST_ENTRIES_READ = 100_000

#: What a column's mark says where a warning stands on it; else it is the digest of its rule.
WARNED = "warned"
#: The description of a warning of ours.
WARNING = "Sheets Pipeline fills this column from the database: what is typed here is written over."

_LIMIT = "1000000000000000"


class Choices(NamedTuple):
    """What the database says of the column that takes edits: whether it takes NULL, and what a foreign key lets in.

    ``entries`` is None where there is no such key, or where it lets in more than ``MOST_ENTRIES``.
    """

    takes_null: bool = True
    entries: Sequence[Cell] | None = None


#: Help text, kind of condition, whether other input is refused, values of the condition.
_LIST = ("Choose from the list: nothing else is taken. (Sheets Pipeline)", "ONE_OF_LIST", True)
_REFERENCES = ("Choose from the list, or type what was added since. (Sheets Pipeline)", "ONE_OF_LIST", False)
_CHECKBOX = ("True or false. (Sheets Pipeline)", "BOOLEAN", True)
_WHOLE = ("A whole number. (Sheets Pipeline)", "NUMBER_BETWEEN", True)
_NUMBER = ("A number. (Sheets Pipeline)", "NUMBER_BETWEEN", True)
_DATE = ("A date. (Sheets Pipeline)", "DATE_IS_VALID", True)
_MOMENT = ("A date and a time. (Sheets Pipeline)", "DATE_IS_VALID", True)
_KINDS = {kind[0]: kind for kind in (_LIST, _REFERENCES, _CHECKBOX, _WHOLE, _NUMBER, _DATE, _MOMENT)}
_BY_TYPE = {
    ColumnType.INTEGER: (_WHOLE, ("-" + _LIMIT, _LIMIT)),
    ColumnType.DECIMAL: (_NUMBER, ("-" + _LIMIT, _LIMIT)),
    ColumnType.PERCENT: (_NUMBER, ("-" + _LIMIT, _LIMIT)),
    ColumnType.DATE: (_DATE, ()),
    ColumnType.DATETIME: (_MOMENT, ()),
}


def rule_for(column: Column, choices: Choices) -> dict[str, Any] | None:
    """The rule of an editable column's cells; None where any text may be typed."""
    if column.editing is None:
        return None
    if column.editing.one_of and (texts := _texts(column.editing.one_of)):
        return _rule(_LIST, texts)
    if choices.entries and not column.editing.one_of and (texts := _texts(choices.entries)):
        return _rule(_REFERENCES, texts)
    if column.type is ColumnType.BOOLEAN:  # an empty checkbox looks like one that says no
        return _rule(_LIST, ("TRUE", "FALSE")) if choices.takes_null else _rule(_CHECKBOX)
    return _rule(*_BY_TYPE[column.type]) if column.type in _BY_TYPE else None


def _texts(entries: Sequence[Cell]) -> list[str] | None:
    """The entries as they are typed; None where a spreadsheet would make something else of one, or there are too many."""
    if len(entries) > MOST_ENTRIES or not all(isinstance(entry, str | int) for entry in entries):
        return None
    texts = [str(entry).upper() if isinstance(entry, bool) else str(entry) for entry in entries]
    return texts if all(text and text == text.strip() and text[0] not in "=+'" for text in texts) else None


def _rule(kind: tuple[str, str, bool], values: Iterable[str] = ()) -> dict[str, Any]:
    message, condition, is_strict = kind
    given = [{"userEnteredValue": value} for value in values]
    rule = {"condition": {"type": condition} | ({"values": given} if given else {}), "inputMessage": message}
    return rule | {"strict": is_strict} | ({"showCustomUi": True} if condition in ("ONE_OF_LIST", "BOOLEAN") else {})


def mark_of(rule: Mapping[str, Any] | None) -> str:
    """What is remembered of a column's rule; blank for none."""
    if rule is None:
        return ""
    said = (rule.get("condition"), rule.get("inputMessage"), bool(rule.get("strict")))
    return hashlib.blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def is_ours(rule: Mapping[str, Any], mark: str) -> bool:
    """Whether a cell's rule is one that we set; ``mark`` is that of the last one in its column, where it is known.

    A list that was read whole must be the very one.
    """
    message, condition = rule.get("inputMessage", ""), rule.get("condition", {})
    if _KINDS.get(message) != (message, condition.get("type"), bool(rule.get("strict"))):
        return False
    return condition["type"] != "ONE_OF_LIST" or "values" not in condition or not mark or mark_of(rule) == mark


class Guards(NamedTuple):
    """What is wanted in the columns: name → mark, and the rules of those that have one."""

    marks: dict[str, str]
    rules: dict[str, dict[str, Any]]


def wanted_guards(tab: Tab, choices: Mapping[str, Choices], known: Mapping[str, str]) -> Guards:
    """Rules and warnings of a tab that people may edit; a column of which the database did not tell keeps what it has."""
    guards = Guards({}, {})
    for column in tab.columns:
        if column.editing is None:
            guards.marks[column.name] = WARNED
        elif column.name not in choices:
            guards.marks[column.name] = known.get(column.name, "")
        else:
            rule = rule_for(column, choices[column.name])
            guards.marks[column.name] = mark_of(rule)
            if rule is not None:
                guards.rules[column.name] = rule
    return guards


def changed_guards(wanted: Mapping[str, str], known: Mapping[str, str], added: Collection[str]) -> list[str]:
    """Columns in which another rule or warning is wanted than was set; ``added`` ones are being made."""
    names = list(dict.fromkeys([*wanted, *known]))
    return [name for name in names if wanted.get(name, "") != ("" if name in added else known.get(name, ""))]


def rule_mask(rows: int, rules: Iterable[Mapping[str, Any]]) -> str:
    """What to ask of rules in so many rows of a column."""
    entries = max((len(rule["condition"].get("values", ())) for rule in rules), default=MOST_ENTRIES)
    condition = "condition" if rows * entries <= _MOST_ENTRIES_READ else "condition(type)"
    return f"dataValidation({condition},inputMessage,strict)"


def rule_requests(
    sheet_id: int,
    column: int,
    rows: Iterable[int],
    rule: Mapping[str, Any] | None,
    there: Mapping[Place, Mapping[str, Any]],
    mark: str,
) -> Iterator[dict[str, Any]]:
    """Give these rows (0-based) of a column the rule, or none; cells where one of people's stands keep it.

    ``there`` are the rules that stand in cells, ``mark`` is that of the last one of ours in this column.
    """
    free = [row for row in rows if _is_free(there.get((row, column)), rule, mark)]
    first: dict[str, int] = {}
    for start, end in row_runs(free):
        span = _span(sheet_id, start, end, column, column + 1)
        if first and rule is not None:  # a long list is sent once
            yield _paste(first, span)
        else:
            yield {"setDataValidation": {"range": span} | ({"rule": rule} if rule is not None else {})}
            first = _span(sheet_id, start, start + 1, column, column + 1)


def _is_free(there: Mapping[str, Any] | None, rule: Mapping[str, Any] | None, mark: str) -> bool:
    if there is None:
        return rule is not None
    return is_ours(there, mark) and mark_of(there) != mark_of(rule)


def rules_of_new_rows(sheet_id: int, columns: Iterable[int], first: int, rows: int) -> Iterator[dict[str, Any]]:
    """New rows take the rules of the row above them, whoever set those."""
    for start, end in row_runs(sorted(columns)):
        yield _paste(_span(sheet_id, first - 1, first, start, end), _span(sheet_id, first, first + rows, start, end))


def warning_requests(
    sheet_id: int, warned: Iterable[int], free: Collection[int], there: Iterable[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Put warnings on columns that have none of ours, take ours from the ``free`` ones; others' protections stay."""
    ours = {}
    for area in there:
        span = area.get("range", {})
        column = span.get("startColumnIndex", 0)
        is_column = span.get("endColumnIndex") == column + 1 and not span.keys() & {"startRowIndex", "endRowIndex"}
        if area.get("description") == WARNING and area.get("warningOnly") and is_column:
            ours[column] = area["protectedRangeId"]
    for column in free:
        if column in ours:
            yield {"deleteProtectedRange": {"protectedRangeId": ours[column]}}
    for column in warned:
        if column not in ours:
            span = {"sheetId": sheet_id, "startColumnIndex": column, "endColumnIndex": column + 1}
            area = {"range": span, "description": WARNING, "warningOnly": True}
            yield {"addProtectedRange": {"protectedRange": area}}


def _span(sheet_id: int, first: int, end: int, first_column: int, end_column: int) -> dict[str, int]:
    rows = {"startRowIndex": first, "endRowIndex": end}
    return {"sheetId": sheet_id, **rows, "startColumnIndex": first_column, "endColumnIndex": end_column}


def _paste(source: dict[str, int], destination: dict[str, int]) -> dict[str, Any]:
    where = {"source": source, "destination": destination}
    return {"copyPaste": {**where, "pasteType": "PASTE_DATA_VALIDATION", "pasteOrientation": "NORMAL"}}
