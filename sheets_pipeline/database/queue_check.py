"""Whether every change reaches the event queue: what is installed, compared with what this version needs.

Not names alone: tables, columns and their defaults, bodies of functions, who may execute them and with whose rights they
run, and an event that is recorded for a try and taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from sheets_pipeline.database import definers, installed, queue_rights
from sheets_pipeline.database.chains import QUEUE
from sheets_pipeline.database.definers import Definers
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.installed import Function, Installed, Place
from sheets_pipeline.database.queue_rights import Others
from sheets_pipeline.database.queue_trial import trial
from sheets_pipeline.database.trigger_sql import Trigger, same_text, triggers
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.watch import WatchedTable

#: Numbers that a session of the application takes from the sequence of ``pending_event`` at once (PostgreSQL). One at a
#: time, 50 busy sessions stand in line for it: it was half of what the triggers cost (docs/use/events.md).
IDS_AT_ONCE = 32


@dataclass(slots=True)
class QueueReport:
    """What of the event queue is not as this version wants it.

    ``blocked`` holds what installing cannot mend, each with its remedy, and ``refused`` why nothing may be installed at
    all; installing mends all else. ``warnings`` are about the database around it, and no problems of the queue;
    ``notes`` what triggers cannot see, whatever anybody does.
    """

    refused: list[str] = field(default_factory=list)
    missing_columns: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    #: Triggers of ours on tables that no declaration watches any more.
    unwatched: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether every change of the platform reaches the queue, and nobody can misuse what records it."""
        return not self.problems

    @property
    def can_be_mended(self) -> bool:
        """Whether installing makes it better."""
        return bool(
            self.missing_columns or self.missing or self.outdated or self.unwatched or self.disabled or self.unsafe
        )

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing that is wrong; what others could misuse comes first."""
        return [
            *self.refused,
            *self.unsafe,
            *(f"{name} is missing" for name in self.missing_columns + self.missing),
            *(f"trigger {name} is of another version" for name in self.outdated),
            *(f"trigger {name} is on a table that no tab watches" for name in self.unwatched),
            *(f"trigger {name} is disabled" for name in self.disabled),
            *self.blocked,
        ]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is known of one database."""

    place: Place
    triggers: list[Installed]
    functions: dict[str, Function]
    definers: Definers
    others: Others

    @property
    def queue(self) -> Mapping[str, bool]:
        """Columns of ``pending_event`` and whether they have a default; none where it is missing."""
        return self.place.columns.get(pending_event.name, {})

    @property
    def possible(self) -> list[Trigger]:
        """The triggers that should be there and can be: their table and all columns that they read exist."""
        columns = self.place.columns
        return [
            trigger
            for trigger in triggers(self.place.can_be_watched, self.place.names)
            if columns[trigger.table].keys() >= set(trigger.reads)
        ]


def look(connection: sa.Connection, watched: Sequence[WatchedTable], path: tuple[str, ...] = ()) -> Catalog:
    """Read the catalog; on PostgreSQL the transaction's search path is ``pg_catalog`` from here on.

    ``path`` is what it was before, where this is not the transaction's first look.
    """
    place = installed.place_of(connection, watched, path)
    present = installed.triggers(connection, place)
    accounts = definers.look(connection, present)
    functions = installed.functions(connection, place)
    return Catalog(place, present, functions, accounts, queue_rights.look(connection, place))


def compare(
    connection: sa.Connection, watched: Sequence[WatchedTable], *, record_for_a_try: bool = True
) -> QueueReport:
    """What is missing, of another version, open to misuse, or keeps events from being recorded."""
    catalog = look(connection, watched)
    report = QueueReport(missing_columns=missing_columns(catalog.queue))
    _compare_triggers(catalog, report)
    report.missing += _uncached(connection, catalog)
    report.unsafe += misused(catalog) + queue_rights.open_to_others(catalog.others)
    report.blocked += queue_rights.attached_by_others(catalog.others, catalog.place.qualified(pending_event.name))
    report.blocked += _unreadable(catalog) + _rights(connection, catalog)
    report.refused += refusals(connection, catalog)
    report.warnings += queue_rights.open_schemas(connection, catalog.place)
    report.notes += _in_parts(catalog.place)
    can_try = record_for_a_try and bool(catalog.queue) and not report.missing_columns
    if can_try and (problem := trial(connection, catalog.place)):
        report.blocked.append(problem)
    return report


def refusals(connection: sa.Connection, catalog: Catalog) -> list[str]:
    """Why nothing may be installed here: what stands in the queue's place, or whose it is."""
    problems = [
        queue_rights.name_conflict(catalog.place),
        queue_rights.untrusted_owner(connection, catalog.place, catalog.triggers, catalog.functions),
    ]
    return [problem for problem in problems if problem]


def refusal(problem: str) -> DatabaseError:
    """The error that says why nothing is installed."""
    return DatabaseError(f"{problem[0].upper()}{problem[1:]}. Nothing was changed.")


def refuse(connection: sa.Connection, catalog: Catalog) -> None:
    """Go no further where somebody has put something in the queue's place since it was looked at.

    Raises:
        DatabaseError: Nothing may be installed here.
    """
    for problem in refusals(connection, catalog):
        raise refusal(problem)


def is_as_wanted(trigger: Trigger, present: Installed) -> bool:
    """Whether an installed trigger of this name is the one that we would make."""
    return same_text(trigger.definition, present.definition)


def wanted_owner(catalog: Catalog) -> str | None:
    """Who should own the queue and the functions that fill it; None where it makes no difference.

    The functions run with this role's rights, so it is one that has few: the owner of the application's tables, where
    that is one role and no superuser. A queue that belongs to some other role without such rights is left to it.
    """
    of_queue = catalog.place.owners.get(pending_event.name)
    if of_queue is not None and not of_queue.is_superuser:
        return of_queue.name
    of_tables = set(catalog.place.owners_of_watched.values())
    if len(of_tables) == 1 and not (owner := of_tables.pop()).is_superuser:
        return owner.name
    return of_queue.name if of_queue is not None else None


def missing_columns(queue: Mapping[str, bool]) -> list[str]:
    if not queue:
        return ["table pending_event"]
    missing = [f"column pending_event.{column.name}" for column in pending_event.columns if column.name not in queue]
    missing += [
        f"default of column pending_event.{column.name}"
        for column in pending_event.columns
        if column.server_default is not None and queue.get(column.name) is False
    ]
    if not missing and queue_version(queue) != QUEUE.head:
        missing.append(f"change {QUEUE.head} of table pending_event")
    return missing


#: Columns that each change added, and those that one took away.
_ADDED = {
    "0001": ("kind", "priority", "attempts", "set_aside_at", "reason", "retry_at", "waits_for"),
    "0002": ("held", "changed"),
    "0004": ("part",),
}
_TAKEN_AWAY_0003 = ("user_id", "course_id", "quiz_id")


def queue_version(queue: Mapping[str, bool]) -> str | None:
    """The last change of ``pending_event`` that was made, as its columns tell it; None before the first.

    No table of versions stands beside it: whoever installs may be a superuser, and what they write into a table of another
    role runs that role's triggers with their rights.
    """
    has_defaults = all(queue.get(name) for name in ("kind", "priority", "created_at", "attempts"))
    if not has_defaults or not queue.keys() >= set(_ADDED["0001"]):
        return None
    if not queue.keys() >= set(_ADDED["0002"]):
        return "0001"
    if queue.keys() & set(_TAKEN_AWAY_0003):
        return "0002"
    return "0004" if queue.keys() >= set(_ADDED["0004"]) else "0003"


def _compare_triggers(catalog: Catalog, report: QueueReport) -> None:
    wanted = {trigger.name: trigger for trigger in triggers(catalog.place.can_be_watched, catalog.place.names)}
    possible = {trigger.name for trigger in catalog.possible}
    present = {trigger.name: trigger for trigger in catalog.triggers if _is_in_place(catalog, trigger, wanted)}
    report.missing += [f"trigger {name}" for name in sorted(possible - set(present))]
    for trigger in catalog.triggers:
        if trigger.name not in wanted:
            is_watched = any(same_text(trigger.table, catalog.place.qualified(one.table)) for one in wanted.values())
            (report.outdated if is_watched else report.unwatched).append(trigger.name)
        elif trigger.name not in present:
            report.unsafe.append(f"trigger {trigger.name} on {trigger.table} calls {trigger.function}, and is not ours")
        elif not is_as_wanted(wanted[trigger.name], trigger):
            report.unsafe.append(f"trigger {trigger.name} was changed: it is not what this version installs")
        elif trigger.name not in possible:
            report.outdated.append(trigger.name)
        elif not trigger.is_enabled:
            report.disabled.append(trigger.name)
        elif fault := catalog.definers.fault(trigger):
            report.unsafe.append(fault)


def _is_in_place(catalog: Catalog, trigger: Installed, wanted: dict[str, Trigger]) -> bool:
    """Whether it hangs on the table that its name is for."""
    of_name = wanted.get(trigger.name)
    return of_name is not None and same_text(trigger.table, catalog.place.qualified(of_name.table))


def misused(catalog: Catalog) -> list[str]:
    """What others could do with the rights of the functions' owner (PostgreSQL)."""
    functions = catalog.functions
    called = {trigger.function for trigger in catalog.triggers}
    problems = [
        f"{_named(names)} may be executed by {others}, who could run it with the rights of its owner"
        for others, names in _grouped((", ".join(known.executable_by), name) for name, known in functions.items())
        if others
    ]
    problems += [f"function {name} is left over" for name in functions if name not in called]
    if (owner := wanted_owner(catalog)) is None:
        return problems
    of_queue = catalog.place.owners.get(pending_event.name)
    if of_queue is not None and of_queue.name != owner:
        problems.append(f"table pending_event belongs to {of_queue.name}, a superuser; {owner} has rights enough")
    problems += [
        f"{_named(names)} runs with the rights of {other}, not of {owner}"
        for other, names in _grouped((known.owner, name) for name, known in functions.items())
        if other != owner
    ]
    return problems


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for group, name in pairs:
        groups.setdefault(group, []).append(name)
    return sorted(groups.items())


def _named(functions: list[str]) -> str:
    more = f" (and {len(functions) - 1} more)" if functions[1:] else ""
    return f"function {min(functions)}{more}"


def _rights(connection: sa.Connection, catalog: Catalog) -> list[str]:
    """What keeps this user from taking events off the queue (PostgreSQL)."""
    if pending_event.name not in catalog.place.owners:
        return []
    name = catalog.place.qualified(pending_event.name)
    query = """
        SELECT current_user, c.relrowsecurity AND row_security_active(c.oid)
            AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid),
            ARRAY(SELECT r FROM unnest(ARRAY['SELECT', 'UPDATE', 'DELETE']) r WHERE NOT has_table_privilege(c.oid, r))
        FROM pg_class c WHERE c.oid = CAST(%(name)s AS regclass)"""
    user, is_hidden, lacking = connection.exec_driver_sql(query, {"name": name}).one()
    problems = []
    if lacking:
        problems.append(
            f"{user} may not take events off the queue: GRANT {', '.join(lacking)} ON {name} TO the pipeline's role"
        )
    if is_hidden:
        problems.append(f"row security hides all events from {user}: ALTER TABLE {name} DISABLE ROW LEVEL SECURITY")
    return problems


def _unreadable(catalog: Catalog) -> list[str]:
    """What of the application's tables a trigger needs and that is not there."""
    place = catalog.place
    problems = [
        f"table {table.name} is missing: check that DATABASE_URL names the right database, and the tabs that watch it"
        for table in place.watched
        if table.name not in place.columns
    ]
    problems += [
        f"table {table.name} has no primary key, so its changes are not recorded: full syncs show them. Give it one"
        for table in place.watched
        if table.name in place.columns and table.name not in place.keys
    ]
    for watched in place.has_key:
        table, there = watched.table.name, place.columns[watched.table.name]
        gone = [
            name for operation in watched.table.operations for name in watched.reads(operation) if name not in there
        ]
        if unseen := sorted({column for column in watched.shown if (table, column) in place.virtual}):
            problems.append(
                f"column {', '.join(f'{table}.{column}' for column in unseen)} is a virtual generated column, which "
                "triggers do not see, so its changes are not recorded: full syncs show them. Make it a stored one"
            )
        if gone:
            named = ", ".join(f"{table}.{column}" for column in dict.fromkeys(gone))
            problems.append(
                f"column {named} is missing (renamed or dropped?), so not all changes of {table} are recorded: "
                "full syncs show them. Give it back its name, or change the declaration; then run `sheets-pipeline db install`"
            )
    return problems


def _in_parts(place: Place) -> list[str]:
    """Tables of which some changes go past the triggers, as the application may write them (PostgreSQL)."""
    return [
        f"table {table.name} has partitions or inheriting tables: what is written to one of them by its own name, and partitions "
        "that are attached, detached or dropped, are not recorded: full syncs show them"
        for table in place.watched
        if table.name in place.parted
    ]


def _uncached(connection: sa.Connection, catalog: Catalog) -> list[str]:
    """What is missing of the sequence's cache; an installation of an earlier version has none."""
    if "id" not in catalog.queue or (sequence := sequence_of(connection, catalog.place)) is None:
        return []
    query = sa.text("SELECT seqcache FROM pg_sequence WHERE seqrelid = CAST(:name AS regclass)")
    cached = connection.scalar(query, {"name": sequence})
    return [] if cached in {None, IDS_AT_ONCE} else ["cache of the sequence of pending_event.id"]


def sequence_of(connection: sa.Connection, place: Place) -> str | None:
    """The sequence that numbers events on PostgreSQL, with its schema and quoted; none if people made the table."""
    if connection.dialect.name != "postgresql":
        return None
    name = place.qualified(pending_event.name)
    sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(name, "id")))
    return None if sequence is None else str(sequence)
