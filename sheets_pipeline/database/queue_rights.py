"""Who could use the rights of the queue's owner, or of an installer, through what stands in a database (PostgreSQL).

The functions of triggers write the queue with its owner's rights. Whatever that insert sets off runs with them, too, and
what a deletion sets off with the pipeline's: so nobody else may hang a trigger on the queue or refer to it by a foreign key,
and what stands in its place must be a table of somebody who may be trusted.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import sqlalchemy as sa

from sheets_pipeline.database import installed
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.installed import Function, Installed, Place
from sheets_pipeline.errors import DatabaseError


@dataclass(frozen=True, slots=True)
class Others:
    """What others may do, or have done.

    ``may_attach`` are the roles besides its owner that may create triggers on the queue or foreign keys to it,
    ``attached`` the triggers there whose functions belong to others, with these, and ``referring`` foreign keys of tables of others, with
    these. ``elsewhere`` are functions of ours in schemas that the search path does not name;
    ``attached_elsewhere`` what calls them on tables of others.
    """

    may_attach: tuple[str, ...] = ()
    attached: tuple[tuple[str, str], ...] = ()
    referring: tuple[tuple[str, str], ...] = ()
    elsewhere: dict[str, Function] = field(default_factory=dict)
    attached_elsewhere: tuple[tuple[str, str], ...] = ()


def look(connection: sa.Connection, place: Place) -> Others:
    """Read the catalog, with ``pg_catalog`` as the transaction's only search path."""
    if connection.dialect.name != "postgresql":
        return Others()
    of_queue = {"queue": place.qualified(pending_event.name) if pending_event.name in place.owners else None}
    elsewhere = installed.elsewhere(connection, place)
    return Others(
        tuple(connection.exec_driver_sql(_MAY_ATTACH, of_queue).scalars()),
        tuple((trigger, owner) for trigger, owner in connection.exec_driver_sql(_ATTACHED, of_queue)),
        tuple((key, table) for key, table in connection.exec_driver_sql(_REFERRING, of_queue)),
        elsewhere,
        _hung_elsewhere(connection, place, list(elsewhere)),
    )


#: Rights on columns are rights to refer to them, too.
_MAY_ATTACH = """
    SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE CAST(pg_get_userbyid(a.grantee) AS text) END AS role
    FROM pg_class c CROSS JOIN LATERAL (
        SELECT c.relacl AS acl UNION ALL SELECT t.attacl FROM pg_attribute t WHERE t.attrelid = c.oid
    ) given CROSS JOIN LATERAL aclexplode(given.acl) a
    WHERE c.oid = CAST(%(queue)s AS regclass) AND a.privilege_type IN ('TRIGGER', 'REFERENCES') AND a.grantee <> c.relowner
    ORDER BY role"""

_ATTACHED = """
    SELECT quote_ident(t.tgname), CAST(pg_get_userbyid(p.proowner) AS text)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    JOIN pg_roles r ON r.oid = p.proowner
    WHERE c.oid = CAST(%(queue)s AS regclass) AND NOT t.tgisinternal AND NOT r.rolsuper AND r.oid <> c.relowner
    ORDER BY 1"""

_REFERRING = """
    SELECT quote_ident(k.conname), quote_ident(n.nspname) || '.' || quote_ident(f.relname)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid JOIN pg_class f ON f.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = f.relnamespace JOIN pg_roles r ON r.oid = f.relowner
    WHERE c.oid = CAST(%(queue)s AS regclass) AND k.contype = 'f' AND NOT r.rolsuper AND r.oid <> c.relowner
    ORDER BY 1"""


def _hung_elsewhere(connection: sa.Connection, place: Place, functions: list[str]) -> tuple[tuple[str, str], ...]:
    rows = connection.exec_driver_sql(
        """SELECT quote_ident(t.tgname), quote_ident(n.nspname) || '.' || quote_ident(c.relname)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace JOIN pg_roles r ON r.oid = c.relowner
        WHERE NOT t.tgisinternal AND NOT r.rolsuper AND r.oid <> p.proowner AND r.rolname <> ALL(CAST(%(owners)s AS name[]))
        AND quote_ident(f.nspname) || '.' || quote_ident(p.proname) = ANY(CAST(%(functions)s AS text[])) ORDER BY 1""",
        {"functions": functions, "owners": sorted({owner.name for owner in place.owners.values()})},
    )
    return tuple((trigger, table) for trigger, table in rows)


def open_to_others(others: Others) -> list[str]:
    """What installing closes: one sentence each."""
    problems = []
    if others.may_attach:
        problems.append(
            f"{', '.join(others.may_attach)} may create triggers on pending_event or foreign keys to it, and their code would "
            "run with the rights of its owner or of whoever takes events off it"
        )
    return problems + [
        f"function {name}, left in a schema off the search path, may be executed by {', '.join(function.executable_by)}, "
        "who could run it with the rights of its owner"
        for name, function in others.elsewhere.items()
        if function.executable_by
    ]


def attached_by_others(others: Others, queue: str) -> list[str]:
    """What a person must judge: one sentence each, with its remedy."""
    return [
        *(
            f"trigger {trigger} on pending_event calls a function of {owner}, with the rights of whoever writes the queue: "
            f"DROP TRIGGER {trigger} ON {queue} if you do not know it; else hand its function to the owner of pending_event"
            for trigger, owner in others.attached
        ),
        *(
            f"foreign key {key} of {table} refers to pending_event, and can keep events from being taken or have code run with "
            f"the rights of whoever takes them: ALTER TABLE {table} DROP CONSTRAINT {key}"
            for key, table in others.referring
        ),
        *(
            f"trigger {trigger} on {table} calls a function of ours with the rights of that function's owner: "
            f"DROP TRIGGER {trigger} ON {table}"
            for trigger, table in others.attached_elsewhere
        ),
    ]


def close(connection: sa.Connection, place: Place, others: Others) -> None:
    """Take the rights to create triggers on the queue, and to execute functions of ours, from all but their owners."""
    for role in others.may_attach:
        connection.exec_driver_sql(
            f"REVOKE TRIGGER, REFERENCES ON {place.qualified(pending_event.name)} FROM {_quoted(connection, role)} CASCADE"
        )
    for name, function in others.elsewhere.items():
        for role in function.executable_by:
            # Whose it is may be somebody else; the next check tells of what could not be closed.
            with suppress(sa.exc.DBAPIError, DatabaseError), connection.begin_nested():
                connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {name}() FROM {_quoted(connection, role)} CASCADE")


def _quoted(connection: sa.Connection, role: str) -> str:
    return role if role == installed.PUBLIC else connection.dialect.identifier_preparer.quote(role)


def untrusted_owner(
    connection: sa.Connection, place: Place, installed_triggers: list[Installed], functions: dict[str, Function]
) -> str | None:
    """Whose the queue is, where that is nobody whom the triggers may trust (PostgreSQL).

    Trusted are the user who installs, superusers, and who could attach a function on each of the application's tables
    anyway: as its owner, or as whoever has installed our triggers there.
    """
    owner = place.owners.get(pending_event.name)
    if owner is None or owner.is_superuser:
        return None
    tables = list(place.owners_of_watched)
    reached = {table for table in tables if place.owners[table].name == owner.name}
    reached |= {
        table
        for table in tables
        for trigger in installed_triggers
        if trigger.table == place.qualified(table) and _owner_of(functions, trigger) == owner.name
    }
    if tables and reached >= set(tables):
        return None
    query = (
        "SELECT NOT rolsuper AND pg_has_role(oid, CAST(%(owner)s AS name), 'MEMBER') FROM pg_roles "
        "WHERE rolname = current_user"
    )
    if connection.exec_driver_sql(query, {"owner": owner.name}).scalar():
        return None
    return (
        f"table pending_event belongs to {owner.name}, who does not own all of the application's tables: whoever made it could "
        "read and change what the triggers record, and run code with the rights of others. Drop it if you do not know it; "
        "else hand it over (ALTER TABLE pending_event OWNER TO the owner of the application's tables), or install as that role"
    )


def _owner_of(functions: dict[str, Function], trigger: Installed) -> str | None:
    function = functions.get(trigger.function)
    return function.owner if function else None


def name_conflict(place: Place) -> str | None:
    """What stands in the queue's place and would be written with its owner's rights, whatever it does with that."""
    if place.name_conflict is None:
        return None
    return (
        f"a {place.name_conflict} stands where the table pending_event belongs ({place.qualified(pending_event.name)}), and what "
        "is written there could run code with the rights of others: drop or rename it if you do not know it"
    )


def open_schemas(connection: sa.Connection, place: Place) -> list[str]:
    """Schemas of the search path in which somebody may create objects who could not run code here anyway (PostgreSQL).

    One sentence each, with its remedy. PostgreSQL takes the function or operator that fits the types best, wherever on the
    path it is. Trusted are superusers, this user, the owners of the application's tables and of the database.
    """
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.exec_driver_sql(
        """SELECT quote_ident(n.nspname),
            CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS role
        FROM pg_namespace n CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
        LEFT JOIN pg_roles r ON r.oid = a.grantee
        WHERE n.nspname = ANY(CAST(%(path)s AS name[])) AND a.privilege_type = 'CREATE' AND r.rolsuper IS NOT TRUE
        AND coalesce(r.rolname, '') <> ALL(CAST(%(owners)s AS name[]) || current_user || CAST('pg_database_owner' AS name))
        AND a.grantee <> (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database())
        ORDER BY 1, 2""",
        {"path": list(place.path), "owners": sorted({owner.name for owner in place.owners.values()})},
    )
    return [
        f"{'everybody' if role == installed.PUBLIC else role} may create objects in schema {name}, and functions or operators "
        f"of theirs could run with the rights of whoever queries there: REVOKE CREATE ON SCHEMA {name} FROM {role}, or take "
        "the schema off the search path"
        for name, role in rows
    ]
