"""What a tab may declare about rows that people add and delete, and what can be wrong with that."""

from collections.abc import Collection, Iterator, Sequence

from sheets_pipeline.sync.editing import EditableColumn, Edits, Place


def row_faults(
    key: Sequence[str], columns: Sequence[EditableColumn], edits: Edits | None, *, is_parted: bool = False
) -> Iterator[tuple[Place, str]]:
    """What is wrong with it, and where.

    Args:
        key: The tab's key columns.
        columns: All of its columns.
        edits: What the tab says of edits.
        is_parted: Whether older rows move to archive tabs.
    """
    if edits is None or not edits.rows:
        return
    if is_parted and edits.watches_rows:
        yield ("edits",), "rows of a tab with archive tabs are neither added nor deleted in the sheet: they move"
    if edits.needs and not edits.new_rows:
        yield ("edits", "needs"), "needs says which cells a new row must have. Add new_rows: insert"
    elif edits.new_rows:
        yield from _new_row_faults(key, columns, edits)
    if edits.deleted_rows == "soft":
        place = ("edits", "deleted_rows")
        for column in columns:
            if column.editing is not None and column.editing.writes_to == f"{edits.own.table}.{edits.deleted_column}":
                yield place, f"{edits.deleted_column} says that a row is deleted, and people edit it as {column.name!r}"
        if edits.deleted_column in edits.own.key:
            yield (
                place,
                f"{edits.deleted_column} says that a row is deleted, and is part of the key of {edits.own.table!r}",
            )


def _new_row_faults(
    key: Collection[str], columns: Sequence[EditableColumn], edits: Edits
) -> Iterator[tuple[Place, str]]:
    own = edits.own
    if not edits.needs:
        yield ("edits", "new_rows"), "needs is missing: name the columns that a row must have filled to be inserted"
    typed = [one.name for one in columns if one.editing and one.editing.writes_to.rpartition(".")[0] == own.table]
    names = {one.name for one in columns}
    for i, name in enumerate(edits.needs):
        if name not in names:
            yield ("edits", "needs", i), f"{name!r} is not among the tab's columns: {', '.join(sorted(names))}"
        elif name not in typed and name not in key:
            text = (
                f"nobody can type {name!r} into {own.table!r}; needs takes key columns and editable ones of that table"
            )
            yield ("edits", "needs", i), text
    if unknown := [name for name in key if name not in own.key.values()]:
        text = f"the key column {unknown[0]!r} is not in the key of {own.table!r}, into which new rows go"
        yield ("edits", "row", 0, "key"), f"{text}. Say which of its columns holds it"
