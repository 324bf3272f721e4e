"""The accounts whose rights triggers have on MySQL and MariaDB: whether they exist, and may do what triggers do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.installed import Installed
from sheets_pipeline.errors import DatabaseError

#: Stands for all tables of the database.
_ALL = "*"


@dataclass(frozen=True, slots=True)
class Definers:
    """What is known of them.

    ``vanished`` are those that do not exist. ``grants`` maps accounts to what they may do on which table; those of whom that
    cannot be told (this user may not look) are not in it.
    """

    vanished: frozenset[str] = frozenset()
    grants: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    def lacking(self, trigger: Installed) -> list[str]:
        """The rights that a trigger needs and its account has not."""
        if (granted := self.grants.get(trigger.definer)) is None:
            return []
        needed = [("TRIGGER", trigger.table), ("SELECT", trigger.table), ("INSERT", pending_event.name)]
        return [f"{right} ON {table}" for right, table in needed if not granted & {(right, table), (right, _ALL)}]

    def are_good(self, trigger: Installed) -> bool:
        """Whether nothing about the account keeps a trigger from its work."""
        return trigger.definer not in self.vanished and not self.lacking(trigger)

    def fault(self, trigger: Installed) -> str | None:
        """What the account keeps a trigger from, and what it does to the application."""
        whose = f"trigger {trigger.name} runs with the rights of {trigger.definer}, which"
        fails = f"every such statement on table {trigger.table} fails"
        if trigger.definer in self.vanished:
            return f"{whose} does not exist: {fails} (error 1449)"
        if not (lacking := self.lacking(trigger)):
            return None
        has_no_right = any(right.startswith("TRIGGER") for right in lacking)
        effect = f"{fails} (error 1142)" if has_no_right else "no change is recorded"
        remedy = f"GRANT that to {trigger.definer}, or install by an account that has it"
        return f"{whose} lacks {', '.join(lacking)}: {effect}. {remedy}"


def look(connection: sa.Connection, triggers: list[Installed]) -> Definers:
    """Whatever this user may see of the accounts of these triggers."""
    names = {trigger.definer for trigger in triggers if trigger.definer}
    if not names:
        return Definers()
    accounts = {name for name in names if not name.endswith("@")}  # a role has no host, and rights of its own kind
    return Definers(_vanished(connection, names), _grants(connection, accounts - _with_roles(connection, accounts)))


def _vanished(connection: sa.Connection, names: set[str]) -> frozenset[str]:
    try:
        accounts = connection.exec_driver_sql("SELECT user, host FROM mysql.user").all()
    except (sa.exc.DBAPIError, DatabaseError):
        return frozenset()
    known = {f"{user}@{host or ''}" for user, host in accounts}
    return frozenset(names - known)


def _with_roles(connection: sa.Connection, accounts: set[str]) -> set[str]:
    """Accounts that may have rights by a role: MySQL gives triggers those of default roles, MariaDB does not."""
    if getattr(connection.dialect, "is_mariadb", False):
        return set()
    try:
        rows = connection.exec_driver_sql("SELECT to_user, to_host FROM mysql.role_edges").all()
    except (sa.exc.DBAPIError, DatabaseError):
        return accounts
    return {f"{user}@{host}" for user, host in rows}


def _grants(connection: sa.Connection, accounts: set[str]) -> dict[str, frozenset[tuple[str, str]]]:
    """Account → its rights, and everybody's; without those accounts that this user may not see.

    Each account that is shown has a line of its own there, be it ``USAGE``; others see nothing but their own.
    """
    rows = connection.exec_driver_sql(
        """SELECT grantee, privilege_type, '*' FROM information_schema.user_privileges
        UNION ALL SELECT grantee, privilege_type, '*' FROM information_schema.schema_privileges
            WHERE DATABASE() LIKE table_schema
        UNION ALL SELECT grantee, privilege_type, table_name FROM information_schema.table_privileges
            WHERE table_schema = DATABASE()
        UNION ALL SELECT grantee, privilege_type, table_name FROM information_schema.column_privileges
            WHERE table_schema = DATABASE()"""
    ).all()
    granted: dict[str, set[tuple[str, str]]] = {}
    for grantee, right, table in rows:
        granted.setdefault(grantee.replace("'", ""), set()).add((right, table))
    to_all = granted.get("PUBLIC@", set())
    return {account: frozenset(granted[account] | to_all) for account in accounts if account in granted}
