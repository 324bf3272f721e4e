"""Events that nobody can make sense of: told apart before anything is done with them, each with its reason.

Anybody who may write the queue may write nonsense into it, such as the text ``None`` for the key of an unsaved object.
"""

from collections.abc import Iterable, Mapping

from sheets_pipeline.database.dialects import sql_function
from sheets_pipeline.database.event_keys import TabEvents, faults, shown
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.database.types import UtcDateTime

#: What languages write for "no value".
_NO_VALUE = frozenset({"none", "null", "nil", "nan", "undefined"})


def is_no_key(key: object) -> bool:
    """Whether a key is blank or says "no value" in some language."""
    return not isinstance(key, str) or not key.strip() or key.strip().lower() in _NO_VALUE


def is_shown(entity: object, tabs: Mapping[str, TabEvents]) -> bool:
    """Whether any tab shows what events of this entity tell."""
    return any(entity in {*(watch.entity for watch in tab.watches), *tab.entities} for tab in tabs.values())


def fault(entity: object, key: object, tabs: Mapping[str, TabEvents]) -> str | None:
    """Why an event leads nowhere; None for a good one."""
    if not isinstance(entity, str) or not is_shown(entity, tabs):
        return f"no tab shows the entity {shown(entity)}; declare it in a tab's watches or entities, then retry"
    if is_no_key(key) or not isinstance(key, str):
        return f"its key {shown(key)} names no row; record the event after the row has its key"
    reasons = faults(tabs, entity, key)
    return f"its key {shown(key)} {'; '.join(reasons)}; record it with the key of its row" if reasons else None


def told(event: Event, reason: str) -> str:
    """The reason as others may read it: without the event's key, which may be a person's."""
    return reason if is_no_key(event.key) else reason.replace(shown(event.key), "...")


def malformed(
    events: Iterable[Event], tabs: Mapping[str, TabEvents], unusable: Mapping[int, str]
) -> dict[str, list[int]]:
    """Reason → events that lead nowhere, or not to all tabs that show their entity.

    ``unusable`` has the reasons that only the database could tell, by the number of the event.
    """
    by_reason: dict[str, list[int]] = {}
    for event in events:
        if reason := fault(event.entity, event.key, tabs) or unusable.get(event.id):
            by_reason.setdefault(f"Malformed: {reason}.", []).append(event.id)
    return by_reason


#: A moment that Python can hold; NULL for infinity, zero dates and what is no moment at all.
readable_moment = sql_function(
    "readable_moment",
    UtcDateTime(),
    "CASE WHEN {0} > '0001-01-02 00:00:00' AND {0} < '9999-12-30 00:00:00' THEN {0} END",
    sqlite="strftime('%Y-%m-%d %H:%M:%f000', {0})",
)
