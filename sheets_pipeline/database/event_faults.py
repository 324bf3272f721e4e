"""Events that nobody can make sense of: told apart before anything is done with them, each with its reason.

Anybody who may write the queue may write nonsense into it, such as the text ``None`` for the key of an unsaved object.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from sheets_pipeline.database.event_keys import OwnRows, faults, shown
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.database.trigger_sql import WATCHES
from sheets_pipeline.database.types import UtcDateTime

_PLATFORM = frozenset(watch.entity for watch in WATCHES)
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST = 2**63 - 1
#: What languages write for "no value".
_NO_VALUE = frozenset({"none", "null", "nil", "nan", "undefined"})


def number(key: object) -> int | None:
    """The number that a key of the platform's is, None where it is none."""
    text = key.strip() if isinstance(key, str) else ""
    value = int(text) if _NUMBER.fullmatch(text) else None
    return value if value is not None and abs(value) <= _LARGEST else None


def is_no_key(key: object) -> bool:
    """Whether a key is blank or says "no value" in some language."""
    return not isinstance(key, str) or not key.strip() or key.strip().lower() in _NO_VALUE


def fault(entity: object, key: object, belongs: Collection[object], own_tabs: Mapping[str, OwnRows]) -> str | None:
    """Why an event leads nowhere; None for a good one.

    Args:
        entity: What changed.
        key: Which one.
        belongs: The learner and course that it belongs to, None where there is none.
        own_tabs: Tabs of one's own, by title.
    """
    is_known = entity in _PLATFORM or any(entity in rows.entities for rows in own_tabs.values())
    if not isinstance(entity, str) or not is_known:
        return f"no tab shows the entity {shown(entity)}; declare it in a tab's entities, then retry"
    if is_no_key(key) or not isinstance(key, str):
        return f"its key {shown(key)} names no row; record the event after the row has its key"
    if entity not in _PLATFORM:
        reasons = faults(own_tabs, entity, key)
        return f"its key {shown(key)} {'; '.join(reasons)}; record it with the key of its row" if reasons else None
    if number(key) is None:
        return f"its key {shown(key)} is not a whole number of 64 bits, as a {entity} has"
    if any(value is not None and not isinstance(value, int) for value in belongs):
        return "the learner or course that it belongs to is not a number"
    if entity in {"enrollment", "course_completion"} and all(value is None for value in belongs):
        return "it names neither user_id nor course_id, so no row is touched"
    return None


def malformed(events: "Iterable[Event]", own_tabs: Mapping[str, OwnRows]) -> dict[str, list[int]]:
    """Reason → events that lead nowhere, or not to all tabs of one's own that show their entity."""
    by_reason: dict[str, list[int]] = {}
    for event in events:
        if reason := fault(event.entity, event.key, (event.user_id, event.course_id), own_tabs):
            by_reason.setdefault(f"Malformed: {reason}.", []).append(event.id)
    return by_reason


class readable_moment(sa.sql.functions.FunctionElement[Any]):  # noqa: N801 - reads as the SQL function that it is
    """A moment that Python can hold; NULL for infinity, zero dates and what is no moment at all."""

    inherit_cache = True
    name = "readable_moment"
    type = UtcDateTime()


@compiles(readable_moment)
def _readable_moment(element: readable_moment, compiler: SQLCompiler, **kw: Any) -> str:
    moment = compiler.process(element.clauses, **kw)
    if compiler.dialect.name == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f000', {moment})"
    return f"CASE WHEN {moment} > '0001-01-02 00:00:00' AND {moment} < '9999-12-30 00:00:00' THEN {moment} END"
