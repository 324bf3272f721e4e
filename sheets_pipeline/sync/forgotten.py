"""Rows that we wrote and no longer know of: our tables were restored from a backup, or lost.

The tab's last version carries a digest of the keys that were ours then. Where the keys that stand in the tab give the same
digest, they are all known to be ours, whatever our tables say; people's own rows, if they hold no more of our columns than
a key, are left out first. Where the digest differs, people added or deleted rows meanwhile, and a person must decide.
"""

from collections import Counter
from collections.abc import Callable, Collection

from sheets_pipeline.errors import GuardRefused
from sheets_pipeline.sync.cells import Cell, row_keys, same_cell
from sheets_pipeline.sync.diff import CellUpdate, ChangeSet, RowDelete
from sheets_pipeline.sync.filled_rows import filled_rows
from sheets_pipeline.sync.marks import Version, digest
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot
from sheets_pipeline.sync.tab import REMOVED_STATUS, OnRemoved, Tab

Keys = Callable[[Collection[str]], set[str]]


def once_owned_by_digest(
    tab: Tab,
    snapshot: TabSnapshot,
    layout: dict[str, int],
    index: RowIndex,
    last: Version | None,
    once_owned: Keys,
    elsewhere: Keys,
    allowed_deletes: int | None,
) -> Keys:
    """``once_owned`` that also knows, by the digest, the keys that our tables have forgotten.

    ``last`` is the tab's last version where we do not know it, else None; ``elsewhere`` gives those of the keys whose rows
    belong to another tab, and have not left the database.

    Raises (when it is asked):
        GuardRefused: Rows that may be ours would be removed, and it is not certain that they are.
    """

    def asked(keys: Collection[str]) -> set[str]:
        keys = set(keys) - elsewhere(keys)
        known = once_owned(keys)
        if last is None:
            return known
        unknown = keys - known
        filled = filled_rows(tab, snapshot, layout, index, unknown)
        if not filled:
            return known
        in_tab = index.row_of.keys()
        if last.rows in (digest(in_tab), digest(in_tab - (unknown - filled))) or tab.on_removed is not OnRemoved.REMOVE:
            return known | filled
        if allowed_deletes is None:
            raise GuardRefused(tab.title, _ask(tab, len(filled)))
        return known | filled if allowed_deletes else known

    return asked


def _ask(tab: Tab, count: int) -> str:
    command = f"sheets-pipeline sync --tab '{tab.title}' --allow-deletes"
    return (
        f"the pipeline's tables were restored or lost, and people changed rows since: {count:,} rows are in neither the "
        "database nor these tables. They may be ours (records that the restored database has not), or people's own. "
        f"Nothing was sent. To remove them, run `{command} {count}`; to keep them as people's own, `{command} 0` (or a "
        "run with the tag sheets_pipeline/allow_deletes)."
    )


def split_off_others(
    tab: Tab,
    snapshot: TabSnapshot,
    layout: dict[str, int],
    index: RowIndex,
    wanted: Rows,
    changes: ChangeSet,
    last: Version | None,
    owned: Keys,
) -> None:
    """A new record that was given the number of a forgotten one gets a row of its own.

    The row that stands there, with people's notes beside it, is about somebody else: it leaves as the tab declares, under
    a key that says so. Changes ``changes`` and ``index``.
    """
    if last is None:
        return
    differing = set(changes.updated_keys) & wanted.position.keys()
    unknown = differing - owned(differing) if differing else set()
    counts = {name: Counter(cells) for name, cells in wanted.columns.items() if name not in tab.key} if unknown else {}
    for key in sorted(unknown, key=lambda key: index.row_of[key]):
        row, i = index.row_of[key], wanted.position[key]
        present = {name: snapshot.cell(row, layout[name]) for name in wanted.columns}
        if is_another_record(present, {name: cells[i] for name, cells in wanted.columns.items()}, counts):
            _split_off(tab, layout, index, changes, key, row, i, present)
    changes.inserts.sort()
    changes.updates.sort(key=lambda update: (update.row, update.column))


def is_another_record(current: dict[str, Cell], wanted: dict[str, Cell], counts: dict[str, Counter[Cell]]) -> bool:
    """Whether a row tells of another record than the one with its number: nothing that sets it apart is the same.

    Args:
        current: The row in the tab.
        wanted: The record.
        counts: How often each value stands in each column that counts, over all records.
    """
    compared = [name for name in counts if current[name] not in (None, "") and wanted[name] not in (None, "")]
    same = {name for name in compared if same_cell(wanted[name], current[name])}
    telling = [name for name in compared if counts[name][wanted[name]] == 1]
    if telling:
        return not same & set(telling)
    return len(same) * 2 < len(compared)


def _split_off(
    tab: Tab,
    layout: dict[str, int],
    index: RowIndex,
    changes: ChangeSet,
    key: str,
    row: int,
    position: int,
    cells: dict[str, Cell],
) -> None:
    first = tab.key[0]
    label = f"{key if len(tab.key) == 1 else cells[first]} (removed)"
    [left] = row_keys([[label if name == first else cells[name]] for name in tab.key])
    changes.updates = [update for update in changes.updates if update.row != row]
    changes.updates.append(CellUpdate(row, layout[first], cells[first], label))
    if tab.on_removed is OnRemoved.MARK:
        changes.updates.append(CellUpdate(row, layout[tab.status_column], None, REMOVED_STATUS))
        changes.marks += 1
    del changes.updated_keys[key], index.row_of[key]
    changes.updated_keys[left] = index.row_of[left] = row
    changes.inserts.append(position)
    changes.returned += 1
    if tab.on_removed is OnRemoved.REMOVE:
        changes.deletes.append(RowDelete(row, left))
