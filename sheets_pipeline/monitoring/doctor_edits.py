"""What the doctor looks at where people may edit columns: whether edits can reach the database, and whether they do."""

from datetime import datetime, timedelta

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.edit_catalog import edit_problems
from sheets_pipeline.database.row_catalog import hidden_tables
from sheets_pipeline.edits.counts import takes_messages, traffic
from sheets_pipeline.monitoring.doctor import Finding, fail, ok, warn
from sheets_pipeline.monitoring.doctor_facts import Facts


def edits(facts: Facts) -> Finding:
    """Edits are on or off as wanted; the database takes them; both ways find them; none waits long."""
    edited = [one.tab for one in tab_assets().values() if one.problem is None and one.tab.edited]
    if not edited:
        return ok("no tab has editable columns")
    with facts.platform.connect() as connection:
        problems = [f"{tab.title}: {text}" for tab in edited for _, text in edit_problems(connection, tab)]
        hidden = list(dict.fromkeys(table for tab in edited for table in hidden_tables(connection, tab)))
    columns = sum(len(tab.edited) for tab in edited)
    if not facts.settings.edits_on:
        told = f" {len(problems)} of them could not be written yet: {'; '.join(problems)}." if problems else ""
        return ok(
            f"off; {columns} columns of {len(edited)} tabs are declared editable.{told} EDITS_ENABLED=true turns it on"
        )
    if problems:
        return fail("; ".join(problems), "Grant the right, or correct writes_to in the tab's declaration.")
    return _traffic(facts, columns, hidden)


def _traffic(facts: Facts, columns: int, hidden: list[str]) -> Finding:
    edits = traffic(facts)
    waiting, by = edits.waiting, edits.found_by
    text = (
        f"on, {columns} columns; found in the last day by the webhook {by['webhook']}, by reading {by['read']}; "
        f"{_heard(facts, edits.last_message)}; waiting {waiting['new']}, for a person {waiting['awaiting']}, "
        f"conflicts {waiting['conflict']}, dead {waiting['dead']}"
    )
    if hidden:
        text += (
            f"; row-level security of {', '.join(hidden)} applies: rows that it hides from DATABASE_URL take no edits"
        )
    if waiting["dead"]:
        return warn(text, "`sheets-pipeline edits list --state dead` shows why; `edits accept ID` tries again.")
    if edits.webhook_is_silent:
        remedy = "Only reading finds edits. Run test() in the Apps Script (`sheets-pipeline edits script`)."
        return warn(text, remedy)
    return ok(text)


def _heard(facts: Facts, last: datetime | None) -> str:
    if not takes_messages(facts):
        return "no webhook (EDITS_WEBHOOK_SECRET)"
    if last is None:
        return "no message of the script has come"
    with facts.state.connect() as connection:
        age = timedelta(seconds=round(database_time(connection) - last.timestamp()))
    return f"the last message of the script came {age} ago"
