"""Why a row of a tab is as it is, from what the database gives, what the tab holds and what was last written."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.tab import OnRemoved, Tab

Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class RowFacts:
    """One row in three places, by column name; None where it is not there.

    Args:
        database: As its cells would be.
        set_aside: Why the row of the database cannot be written.
        sheet: As its cells are.
        written: As we last wrote it; None where that is not known.
        is_ours: Whether we wrote the row, or meant to, and have not taken it out since.
        was_ours: Whether we took it out again.
        events: Pending or set aside, each in a sentence.
        holds: What keeps syncs of the tab from coming, each in a sentence.
        last_error: Of the tab's last sync, where that failed.
        in_archives: Whether older rows stand in tabs of their own.
    """

    database: Row | None = None
    set_aside: str | None = None
    sheet: Row | None = None
    written: Row | None = None
    is_ours: bool = False
    was_ours: bool = False
    events: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    last_error: str | None = None
    in_archives: bool = False


def reasons(tab: Tab, columns: Collection[str], row: RowFacts, next_sync: str) -> list[str]:
    """What explains the row, the nearest cause first.

    Args:
        tab: Its tab, with all columns.
        columns: Those that are asked about.
        row: What is known.
        next_sync: When a full sync comes, in words.
    """
    found = (
        [f"The row cannot be written: {row.set_aside}. Its row in the tab stays as it was."] if row.set_aside else []
    )
    is_settled = row.set_aside is not None or _agree(row.database, row.sheet, columns)
    if row.set_aside is None:
        found.append(_difference(tab, columns, row, next_sync))
    found += row.events
    if not is_settled:
        found += row.holds
        found += [f"The last sync of the tab failed: {row.last_error}"] if row.last_error else []
    return found


def _agree(one: Row | None, other: Row | None, columns: Collection[str]) -> bool:
    if one is None or other is None:
        return one is other
    return not differing(one, other, columns)


def differing(one: Row, other: Row, columns: Collection[str]) -> list[str]:
    """The columns in which two rows differ."""
    return [name for name in columns if not same_cell(one.get(name), other.get(name))]


def _difference(tab: Tab, columns: Collection[str], row: RowFacts, next_sync: str) -> str:
    if row.database is None and row.sheet is None:
        return "The row is neither in the query's result nor in the tab." + (" It was once." if row.was_ours else "")
    if row.database is None:
        return _only_in_the_tab(tab, row, next_sync)
    if row.sheet is None:
        return _only_in_the_database(row, next_sync)
    names = differing(row.database, row.sheet, columns)
    if not names:
        return "The tab holds what the database gives."
    if row.written is None:
        return f"{_listed(names)} differ, and what we last wrote is not known for sure; the next full sync settles it ({next_sync})."
    typed = [name for name in names if not same_cell(row.written.get(name), row.sheet.get(name))]
    changed = [name for name in names if name not in typed]
    texts = []
    if typed:
        texts.append(f"Somebody changed {_listed(typed)} in the tab; the next full sync puts it back ({next_sync}).")
    if changed:
        how = (
            "an event is on its way"
            if row.events
            else f"no event waits for it, the next full sync shows it ({next_sync})"
        )
        texts.append(f"The database has changed {_listed(changed)} since it was written; {how}.")
    return " ".join(texts)


def _only_in_the_tab(tab: Tab, row: RowFacts, next_sync: str) -> str:
    if not row.is_ours and not row.was_ours:
        return "The row is not in the query's result, and we never wrote it: it is a person's row, and stays."
    if tab.on_removed is OnRemoved.KEEP:
        return "The row is no longer in the query's result; the declaration says on_removed: keep, so it stays."
    if tab.on_removed is OnRemoved.MARK:
        return f"The row is no longer in the query's result; on_removed: mark says so in {tab.status_column}, and it stays."
    how = "an event is on its way" if row.events else f"the next full sync takes it out ({next_sync})"
    return f"The row is no longer in the query's result; {how}."


def _only_in_the_database(row: RowFacts, next_sync: str) -> str:
    if row.in_archives:
        return "The row is not in this tab; one that is older than those here stands in an archive tab."
    if row.is_ours:
        return f"We wrote the row, and it is gone: somebody deleted it or changed its key. The next full sync writes it ({next_sync})."
    how = "an event is on its way" if row.events else f"the next full sync writes it ({next_sync})"
    return f"The row was never written; {how}."


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
