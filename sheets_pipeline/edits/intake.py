"""Taking in what the Apps Script sends: a signed message is checked and noted in the ledger, in one transaction.

A message is evidence of what cells held when the script read them; nothing is read again before it is applied. What it says is
compared with the base (what the pipeline itself last wrote), never with what the message says stood there before, unless
nobody else knows. Keys are those of rows that the pipeline wrote; others are passed over. What no message tells of, the next
full sync finds.
"""

import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, NamedTuple

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database.edit_refusals import Kind, refusal
from sheets_pipeline.database.edit_tables import sheet_edit_message
from sheets_pipeline.database.event_keys import TabEvents, UnusableKey
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.edits import ledger, looks, row_steps
from sheets_pipeline.edits.base import as_cell
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import Seen, Source
from sheets_pipeline.edits.messages import (
    Message,
    MessageRefused,
    as_typed,
    is_of_event,
    old_of,
    parsed,
    spreadsheet_of,
    typed_over,
)
from sheets_pipeline.edits.places import editable_tab
from sheets_pipeline.edits.recording import known_rows, record_all
from sheets_pipeline.edits.signature import secret_of, sign
from sheets_pipeline.errors import SheetsError
from sheets_pipeline.sheets.time_zones import time_zone
from sheets_pipeline.sync.cells import MAX_KEY_CHARACTERS, Cell
from sheets_pipeline.sync.merge import Unknown
from sheets_pipeline.sync.tab import Tab

#: How far the clock of a message may be from ours, in seconds.
CLOCK_SECONDS = 300
#: Largest message, in bytes.
BODY_BYTES = 1_000_000
#: Messages of one spreadsheet: a second on average, and at once.
PER_SECOND, AT_ONCE = 40.0, 400.0
#: So many cells count as one message more.
CELLS_AS_MESSAGE = 100
#: Spreadsheets whose messages are counted; more than anybody keeps.
_MOST_COUNTED = 10_000

#: Cells of messages that share a transaction.
_MOST_CELLS = 2_000

#: Changes by which no row is taken out.
_NO_ROWS = ("INSERT_ROW", "INSERT_COLUMN", "INSERT_GRID", "REMOVE_COLUMN")


class Letter(NamedTuple):
    """A message as it was sent, with its headers."""

    body: bytes
    timestamp: str
    signature: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was noted; ``cells`` counts those that differ from what the tab was known to hold."""

    kind: str
    tab: str
    cells: int
    #: Whether a tab is to be read, as the message does not tell all that people did.
    asks_for_look: bool = False


class Intake:
    """Takes messages for one pipeline."""

    def __init__(
        self, open_pipeline: Callable[[], Ends], secret: str | None, *, is_enabled: Callable[[], bool]
    ) -> None:
        self._open, self._secret, self._is_enabled = open_pipeline, secret, is_enabled
        self._quota = _Quota()

    def receive(self, body: bytes, timestamp: str, signature: str) -> Taken:
        """Check a message and note its cells; it is committed when this returns.

        Raises:
            MessageRefused: It is not taken; says why.
            DatabaseError: The ledger cannot be written.
        """
        [answer] = self.receive_all([Letter(body, timestamp, signature)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def receive_all(self, letters: Sequence[Letter]) -> list[Taken | Exception]:
        """The same for many, with what each came to in its place; those of one tab share a transaction."""
        answers: dict[int, Taken | Exception] = {}
        messages: dict[int, Message] = {}
        for number, letter in enumerate(letters):
            try:
                messages[number] = self._checked(letter)
            except MessageRefused as refused:
                answers[number] = refused
        for group in grouped(messages):
            answers |= zip(group, self._answers([messages[number] for number in group]), strict=True)
        return [answers[number] for number in range(len(letters))]

    def _answers(self, messages: Sequence[Message]) -> Sequence[Taken | Exception]:
        """What a group came to. Where its transaction fails, each is noted by itself: one holds up no others."""
        try:
            return self._noted(messages)
        except Exception as error:
            if len(messages) == 1 or refusal(error).kind is Kind.AWAY:
                return [error] * len(messages)
        return [answer for message in messages for answer in self._answers([message])]

    def _checked(self, letter: Letter) -> Message:
        spreadsheet = spreadsheet_of(letter.body)
        self._check_signature(spreadsheet, letter.body, letter.timestamp, letter.signature)
        if not self._quota.takes(spreadsheet):  # before anything that takes long
            raise MessageRefused(429, f"Expected at most {PER_SECOND:.0f} messages a second. Wait a moment.")
        message = parsed(letter.body)
        self._quota.charge(message.spreadsheet, _cells(message) / CELLS_AS_MESSAGE)
        return message

    def _noted(self, messages: Sequence[Message]) -> list[Taken]:
        """Note messages of one spreadsheet, and of one tab where they are several, in one transaction."""
        pipeline, first = self._open(), messages[0]
        if not ledger.is_kept(pipeline.state, first.spreadsheet, pipeline.services.spreadsheet_id):
            raise MessageRefused(404, "Expected the id of a spreadsheet that is kept here; found another.")
        tabs = [] if first.kind == "probe" else _tabs(pipeline, messages)
        with ledger.writing(pipeline.state) as connection:
            _note(connection, messages)
            if first.kind == "edit":
                return _record(connection, messages, tabs[0])
            ids = [ledger.tab_id_of(connection, first.spreadsheet, tab.title) for tab in tabs]
            known = sorted(one for one in ids if one is not None)
            for tab_id in known:
                looks.ask(connection, tab_id)
            if first.change not in _NO_ROWS:
                watched = {tab.title for tab in tabs if tab.edits and tab.edits.deleted_rows}
                lost = [i for i, tab in zip(ids, tabs, strict=True) if i is not None and tab.title in watched]
                row_steps.note(connection, lost, first.editor, first.at / 1000)
        return [Taken(first.kind, first.tab, 0, bool(tabs))]

    def _check_signature(self, spreadsheet: str, body: bytes, timestamp: str, signature: str) -> None:
        if not self._secret or not self._is_enabled():
            raise MessageRefused(403, "Edits are not taken here. Set EDITS_ENABLED and EDITS_WEBHOOK_SECRET.")
        expected = sign(secret_of(spreadsheet, self._secret), timestamp, body)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise MessageRefused(
                401,
                "The signature is missing or wrong. Run setup() of the script with the secret that `sheets-pipeline edits script` "
                "prints for this spreadsheet.",
            )
        if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > CLOCK_SECONDS:
            raise MessageRefused(401, f"Expected a message that was sent within {CLOCK_SECONDS} seconds.")


def grouped(messages: Mapping[int, Message]) -> list[list[int]]:
    """Numbers of messages that can be noted together: edits of one tab, each of rows of its own; all others alone."""
    groups, open_groups = list[list[int]](), dict[tuple[str, str], _Group]()
    for number, message in messages.items():
        if message.kind != "edit":
            groups.append([number])
            continue
        place, keys = (message.spreadsheet, message.tab), {repr(row.key) for row in message.rows}
        group = open_groups.get(place)
        if group is None or group.keys & keys or group.cells + _cells(message) > _MOST_CELLS:
            group = open_groups[place] = _Group([], set(), 0)
            groups.append(group.numbers)
        group.numbers.append(number)
        group.keys.update(keys)
        group.cells += _cells(message)
    return groups


@dataclass(slots=True)
class _Group:
    numbers: list[int]
    keys: set[str]
    cells: int


def _cells(message: Message) -> int:
    return sum(len(row.cells) for row in message.rows)


def _note(connection: sa.Connection, messages: Sequence[Message]) -> None:
    rows = [
        {
            "id": message.id.lower(),
            "spreadsheet_id": message.spreadsheet,
            "tab": message.tab[:100],
            "kind": message.kind,
            "cells": _cells(message),
        }
        for message in messages
    ]
    try:
        connection.execute(sheet_edit_message.insert().values(received_at=utc_now()), rows)
    except sa.exc.IntegrityError:
        raise MessageRefused(409, "This message was taken before.") from None


def _tabs(pipeline: Ends, messages: Sequence[Message]) -> list[Tab]:
    """The tab that messages name; all that people edit for a look that names none."""
    first = messages[0]
    if first.kind == "look" and not first.tab:
        return [asset.tab for asset in tab_assets().values() if asset.problem is None and asset.tab.edited]
    tab = editable_tab(pipeline, first.spreadsheet, first.tab)
    if tab is None:
        raise MessageRefused(404, "Expected the title of a tab with editable columns.")
    named = {name for message in messages for name in (*message.columns, *message.rest)}
    if unknown := named.difference(tab.edited):
        known = ", ".join(tab.edited)
        raise MessageRefused(400, f"{len(unknown)} of the columns are not editable; known: {known}.")
    return [tab]


def _record(connection: sa.Connection, messages: Sequence[Message], tab: Tab) -> list[Taken]:
    """Note the cells of messages of one tab.

    Raises:
        _SharedRow: Two of them tell of the same row, which they named in different ways.
    """
    tab_id = ledger.tab_id_of(connection, messages[0].spreadsheet, tab.title)
    if tab_id is None:
        return [Taken(message.kind, message.tab, 0) for message in messages]
    told = [_told(message, tab) for message in messages]
    keys = [key for one in told for key in one.keys if key]
    if len(set(keys)) < len(keys):
        raise _SharedRow
    known = known_rows(connection, tab_id, keys)
    asks = [_asks_for_look(message, one, known) for message, one in zip(messages, told, strict=True)]
    if any(asks):
        looks.ask(connection, tab_id)
    edits = tab.edits
    for message, one, is_asked in zip(messages, told, asks, strict=True):
        if is_asked and edits is not None and edits.new_rows:
            _note_steps(connection, tab_id, message, one.zone)
        if is_asked and edits is not None and edits.deleted_rows and message.keys:
            row_steps.note(connection, [tab_id], message.editor, message.at / 1000)
    doubled = frozenset(looks.doubled_keys(connection, tab_id))
    limit = edits.needs_approval_above if edits else None
    batches = [
        (one.seen, _source(message, limit, doubled, is_told=one.is_told))
        for message, one in zip(messages, told, strict=True)
    ]
    cells = record_all(connection, tab_id, batches, known_rows_only=True)
    return [Taken("edit", messages[0].tab, number, asked) for number, asked in zip(cells, asks, strict=True)]


class _SharedRow(Exception):
    """Messages that have to be noted one after the other."""


class _Told(NamedTuple):
    """What a message tells: the keys of its rows, blank for one that is none, and their cells."""

    keys: set[str]
    seen: list[Seen]
    zone: tzinfo
    is_told: bool
    is_typed_over: bool


def _asks_for_look(message: Message, told: _Told, known: set[str]) -> bool:
    """Whether the tab is to be read: for a new row, one whose key was changed, one of people's own, a cell that holds something
    else by now, and cells of which nobody knows where they were cut out."""
    return message.keys or message.may_be_cut or told.is_typed_over or not told.keys <= known


def _told(message: Message, tab: Tab) -> _Told:
    try:
        zone = time_zone(_zone_name(message))
    except SheetsError as error:
        raise MessageRefused(400, str(error)) from None
    rows = TabEvents((), (), tuple(map(tab.column, tab.key)))
    old, is_old_sure = old_of(message, tab, zone)
    is_told = is_of_event(message, zone)
    # All cells of a row that come together are applied together.
    waits = not is_told and any(tab.edited[name].editors for name in message.columns)
    allowed = {name: tab.edited[name].takes_edits_of(message.editor) for name in message.columns}
    before = typed_over(message, tab)
    seen: dict[tuple[str, str], Seen] = {}
    keys: set[str] = set()
    for row in message.rows:
        try:
            key = rows.key_of_values([as_cell(as_typed(part), zone) for part in row.key])
        except UnusableKey:
            key = ""
        keys.add(key if len(key) <= MAX_KEY_CHARACTERS and "\x00" not in key else "")
        if key in keys and key:
            for name, value in zip(message.columns, row.cells, strict=True):
                cell = Seen(key, name, as_typed(value), old, is_old_sure, waits=waits, is_allowed=allowed[name])
                if not isinstance(before, Unknown):
                    cell = cell._replace(typed=before, now=cell.typed)
                seen.setdefault((key, name), cell)
    return _Told(keys, list(seen.values()), zone, is_told, not isinstance(before, Unknown))


def _zone_name(message: Message) -> str:
    return message.zone or "Etc/UTC"


def _source(message: Message, limit: int | None, doubled: frozenset[str], *, is_told: bool) -> Source:
    return Source(
        message.id.lower(),
        "webhook",
        message.at / 1000,
        message.locale or "en_US",
        _zone_name(message),
        message.editor,
        limit,
        doubled,
        is_told=is_told,
    )


def _note_steps(connection: sa.Connection, tab_id: int, message: Message, zone: tzinfo) -> None:
    """Keep who typed what in rows without a whole key: such a row is inserted when it is complete."""

    def named(names: list[str], values: list[Any]) -> dict[str, Cell]:
        return {name: as_cell(as_typed(value), zone) for name, value in zip(names, values, strict=True)}

    rows = [
        (named(message.columns, row.cells), named(message.rest, row.rest) if row.rest else {})
        for row in message.rows
        if any(part in (None, "") for part in row.key)
    ]
    if rows:
        row_steps.note(connection, [tab_id], message.editor, message.at / 1000, rows)


class _Quota:
    """How many messages of each spreadsheet are taken: so many a second on average, and so many at once.

    One of many cells is taken, too, and those after it wait the longer.
    """

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def takes(self, spreadsheet: str) -> bool:
        """Whether one more is taken now."""
        with self._lock:
            left = self._refilled(spreadsheet)
            if left >= 1:
                self._left[spreadsheet] = (left - 1, time.monotonic())
            return left >= 1

    def charge(self, spreadsheet: str, messages: float) -> None:
        """Count one that was taken for more."""
        with self._lock:
            self._left[spreadsheet] = (max(-AT_ONCE, self._refilled(spreadsheet) - messages), time.monotonic())

    def _refilled(self, spreadsheet: str) -> float:
        now = time.monotonic()
        if len(self._left) > _MOST_COUNTED:
            self._left.clear()
        left, since = self._left.get(spreadsheet, (AT_ONCE, now))
        return min(AT_ONCE, left + (now - since) * PER_SECOND)
