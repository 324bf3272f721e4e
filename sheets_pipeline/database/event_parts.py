"""Which of several event syncs shows an event: the column ``part`` of ``pending_event``, where more than one is wanted.

Each has its part of the spreadsheets. An event that leads into several parts becomes one event in each of them, so that each
is tried, counted, set aside and deleted by itself. Numbers of another division are void: such events are told apart anew.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from sheets_pipeline.database import events
from sheets_pipeline.database.edit_rights import closed_sequences, may
from sheets_pipeline.database.event_table import pending_event

#: Of a number in the column, hundreds say how many parts there are, the rest which one it is.
_STEP = 100

_part = pending_event.c.part
#: What another event in another part has in common with the first.
_COPIED = [
    column.name for column in pending_event.columns if column.name not in ("id", "set_aside_at", "waits_for", "part")
]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one part has to show of an event: these tabs, None for those that the event waits for anyway.

    ``number`` is that of the part; None where it could not be told for these tabs.
    """

    number: int | None
    tabs: frozenset[str] | None = None


def why_not_divided(connection: sa.Connection) -> str | None:
    """Why events cannot be handed to parts; None where they can."""
    if all(column["name"] != "part" for column in sa.inspect(connection).get_columns(pending_event.name)):
        return "the queue is of an earlier version: run `sheets-pipeline db install`"
    if not may(connection, "INSERT", pending_event.name):
        return "the role of DATABASE_URL may not INSERT into pending_event (docs/run/rights.md)"
    if closed := closed_sequences(connection, pending_event.name):
        return f"the role of DATABASE_URL may not use the sequence {closed[0]} of pending_event (docs/run/rights.md)"
    return None


def of_part(number: int, of: int) -> events.Only:
    """The events that this part shows."""
    return (_part == of * _STEP + number,)


def unplaced(of: int) -> events.Only:
    """The events of which no part is known, or one of another division."""
    return (sa.or_(_part.is_(None), ~_part.between(of * _STEP, of * _STEP + of - 1)),)


def of_part_or_unplaced(number: int, of: int) -> events.Only:
    """The events that this part shows, or may have to."""
    return (sa.or_(*of_part(number, of), *unplaced(of)),)


def parts_due(connection: sa.Connection, of: int) -> tuple[set[int], bool]:
    """The parts for which events are due, and whether there are some that are not placed."""
    found = set(connection.scalars(sa.select(_part).where(events.is_due).distinct()))
    placed = {code - of * _STEP for code in found if code is not None and of * _STEP <= code < of * _STEP + of}
    return placed, len(placed) < len(found)


@contextmanager
def placing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction for ``place``. On SQLite it lets no other one write from its first moment on."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def place(connection: sa.Connection, pieces: Mapping[int, Sequence[Piece]], of: int) -> None:
    """Hand events to their parts; those that lead nowhere are removed. Where somebody was quicker, nothing changes.

    Args:
        connection: In a transaction, which takes all or nothing.
        pieces: By the number of the event.
        of: How many parts there are.
    """
    first: dict[Piece, list[int]] = {}
    others: dict[Piece, list[int]] = {}
    gone: list[int] = []
    for event_id in _mine(connection, pieces.keys(), of):
        if not pieces[event_id]:
            gone.append(event_id)
        for number, piece in enumerate(pieces[event_id]):
            (others if number else first).setdefault(piece, []).append(event_id)
    for piece, ids in others.items():
        _copy(connection, ids, piece, of)
    for piece, ids in first.items():
        changed: dict[str, int | str | None] = {"part": _code(piece, of)}
        if piece.tabs is not None:
            changed["waits_for"] = events.as_json(piece.tabs)
        for some in events.chosen(connection, ids):
            connection.execute(pending_event.update().where(some).values(changed))
    if gone:
        events.delete(connection, gone)


def unplace(connection: sa.Connection, ids: Collection[int], only: events.Only) -> None:
    """Have it told anew whose these events are."""
    for some in events.chosen(connection, ids) if ids else ():
        connection.execute(pending_event.update().where(some, *only).values(part=None))


def _mine(connection: sa.Connection, ids: Iterable[int], of: int) -> list[int]:
    """Those that nobody has placed or dealt with meanwhile; nobody else does until the transaction ends."""
    query = sa.select(pending_event.c.id).where(events.is_pending, *unplaced(of)).order_by(pending_event.c.id)
    return [
        event_id
        for some in events.chosen(connection, list(ids))
        for event_id in connection.scalars(query.where(some).with_for_update())
    ]


def _copy(connection: sa.Connection, ids: Collection[int], piece: Piece, of: int) -> None:
    waits_for = pending_event.c.waits_for if piece.tabs is None else sa.literal(events.as_json(piece.tabs), sa.Text)
    columns = [pending_event.c[name] for name in _COPIED]
    for some in events.chosen(connection, ids):
        rows = sa.select(*columns, waits_for, sa.literal(_code(piece, of), sa.Integer)).where(some)
        connection.execute(pending_event.insert().from_select([*_COPIED, "waits_for", "part"], rows))


def _code(piece: Piece, of: int) -> int | None:
    return None if piece.number is None else of * _STEP + piece.number
