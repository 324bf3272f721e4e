"""Guards: changes so large that they look like an accident stop before the first request."""

from sheets_pipeline.errors import GuardRefused
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.tab import Tab

#: Deletes that always pass, and the share of a tab's rows above which more of them do not.
FREE_DELETES = 50
FREE_DELETE_SHARE = 0.2


def check_deletes(tab: Tab, changes: ChangeSet, rows_present: int, wanted: int, allowed: int | None) -> None:
    """Refuse a mass delete.

    Args:
        rows_present: Rows with a key of ours that the tab holds now.
        wanted: Rows that the database gives.
        allowed: Deletes that a person has allowed for this run, None for the default.

    Raises:
        GuardRefused: More than ``max(50, 20 %)`` of the rows would go, or all of them.
    """
    deletes = len(changes.deletes)
    limit = max(FREE_DELETES, int(rows_present * FREE_DELETE_SHARE)) if allowed is None else allowed
    emptied = wanted == 0 and deletes > 0 and allowed is None
    if deletes <= limit and not emptied:
        return
    what = "the database gives no rows at all" if wanted == 0 else f"the database gives {wanted:,} rows"
    raise GuardRefused(
        tab.title,
        f"{deletes:,} of {rows_present:,} rows would be deleted ({what}), {limit if not emptied else 0:,} are allowed without asking. "
        "Nothing was sent. If this is meant, run `sheets-pipeline sync "
        f"--tab {tab.title} --allow-deletes {deletes}` or add the run tag sheets_pipeline/allow_deletes={deletes}.",
    )
