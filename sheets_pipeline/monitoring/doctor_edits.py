"""What the doctor looks at where people may edit columns: whether edits can reach the database, and whether they do."""

from datetime import timedelta

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.edit_catalog import edit_problems
from sheets_pipeline.database.edit_tables import sheet_edit, sheet_edit_message
from sheets_pipeline.monitoring.doctor import Finding, fail, ok, warn
from sheets_pipeline.monitoring.doctor_facts import Facts

#: Edits found by reads alone, this many, tell that the webhook is silent.
_SILENT_AFTER = 3


def edits(facts: Facts) -> Finding:
    """Edits are on or off as wanted; the database takes them; both ways find them; none waits long."""
    edited = [one.tab for one in tab_assets().values() if one.problem is None and one.tab.edited]
    if not edited:
        return ok("no tab has editable columns")
    with facts.platform.connect() as connection:
        problems = [f"{tab.title}: {text}" for tab in edited for _, text in edit_problems(connection, tab)]
    columns = sum(len(tab.edited) for tab in edited)
    if not facts.settings.edits_on:
        told = f" {len(problems)} of them could not be written yet: {'; '.join(problems)}." if problems else ""
        return ok(
            f"off; {columns} columns of {len(edited)} tabs are declared editable.{told} EDITS_ENABLED=true turns it on"
        )
    if problems:
        return fail("; ".join(problems), "Grant the right, or correct writes_to in the tab's declaration.")
    return _traffic(facts, columns)


def _traffic(facts: Facts, columns: int) -> Finding:
    with facts.state.connect() as connection:
        seen, states = _counts(connection, sheet_edit.c.seen_by), _counts(connection, sheet_edit.c.state)
        last = connection.scalar(sa.select(sa.func.max(sheet_edit_message.c.received_at)))
        now = database_time(connection)
    age = None if last is None else timedelta(seconds=round(now - last.timestamp()))
    heard = "no message of the script has come" if age is None else f"the last message of the script came {age} ago"
    text = (
        f"on, {columns} columns; found by webhook {seen.get('webhook', 0)}, by reading {seen.get('read', 0)}; {heard}; "
        f"waiting {states.get('new', 0)}, for a person {states.get('awaiting', 0)}, dead {states.get('dead', 0)}"
    )
    if states.get("dead"):
        return warn(text, "`sheets-pipeline edits list --state dead` shows why; `edits accept ID` tries again.")
    if seen.get("read", 0) >= _SILENT_AFTER and not seen.get("webhook"):
        remedy = "Only full syncs find edits. Run test() in the Apps Script (`sheets-pipeline edits script`)."
        return warn(text, remedy)
    return ok(text)


def _counts(connection: sa.Connection, column: sa.Column[str]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(sa.select(column, sa.func.count()).group_by(column))}
