"""What a tab's declaration gives against the database, without writing anything: its first rows, and whether all can be written."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.components.declared import DeclaredTab
from sheets_pipeline.components.tab_asset import TabAsset, declared_at
from sheets_pipeline.components.tab_declaration import nearest
from sheets_pipeline.components.yaml_nodes import Place
from sheets_pipeline.database.edit_catalog import edit_problems
from sheets_pipeline.database.engine import connect, read_only
from sheets_pipeline.database.event_keys import keys_of_tab
from sheets_pipeline.database.own_query import result_columns
from sheets_pipeline.embedded.services import ensure_services
from sheets_pipeline.errors import DatabaseError, DeclarationBroken, KeysNotUnique, SheetsPipelineError, TabProblem
from sheets_pipeline.runs.computed import rows_of
from sheets_pipeline.runs.tab_failures import computing
from sheets_pipeline.runs.targets import part_of
from sheets_pipeline.runs.time_limit import Reading
from sheets_pipeline.runs.watch_check import watch_problems
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sync.cells import KEY_SEPARATOR, Cell, readable_key
from sheets_pipeline.sync.rows import Rows, SetAside, rows_from_frame
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trial:
    """The rows that a tab would hold, as cells, and those that cannot be written."""

    tab: Tab
    rows: list[list[Cell]]
    set_aside: list[SetAside]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a tab's declaration fits the database; there are no ``problems`` where it does. Each names file and line."""

    tab: Tab
    problems: tuple[str, ...] = ()
    rows: int = 0
    set_aside: tuple[SetAside, ...] = ()

    @property
    def problem(self) -> str | None:
        """All of them in one text."""
        return " ".join(self.problems) or None


def database() -> sa.Engine:
    """The database whose tables the tabs show, for reading alone; it has been reached. Starts nothing after ``attach_only``.

    Raises:
        NotRunning: It is the embedded one, which does not run.
        DatabaseError: It cannot be reached.
    """
    settings = load_settings()
    url = settings.database_url.get_secret_value() if settings.database_url else ensure_services(settings).database_url
    engine = read_only(connect(url), settings.database_statement_timeout_seconds)
    with engine.connect():
        return engine


def first_rows(engine: sa.Engine, tab_asset: TabAsset, limit: int, seconds: float, zone: tzinfo = UTC) -> Trial:
    """The first rows of a tab; only they are asked for where its declaration is a query.

    Args:
        engine: Of the database, for reading.
        tab_asset: The tab.
        limit: So many rows.
        seconds: Longest time that it may take; 0 for no limit.
        zone: In which moments are shown.

    Raises:
        TabProblem: The declaration or its query cannot be used.
        DatabaseError: The database cannot be reached.
    """

    def read(connection: sa.Connection) -> pd.DataFrame:
        if tab_asset.declared is not None and (query := tab_asset.declared.query) is not None:
            return query.describe(connection, limit)
        return rows_of(tab_asset, connection, None).head(limit)

    return _trial(tab_asset, _read(engine, tab_asset, read, seconds), zone)


def rows_of_keys(
    engine: sa.Engine, tab_asset: TabAsset, keys: Collection[str], seconds: float, zone: tzinfo = UTC
) -> Trial:
    """The rows of these keys, read as they are for an event: JSON arrays where the key has several columns."""
    parts = [_parts(tab_asset, key) for key in keys]
    return _trial(tab_asset, _read(engine, tab_asset, lambda one: rows_of(tab_asset, one, parts), seconds), zone)


def rows_by_key(
    engine: sa.Engine,
    tab_asset: TabAsset,
    keys: Collection[Any],
    seconds: float,
    zone: Callable[[Tab], tzinfo],
    part: str | None = None,
) -> tuple[Rows, Tab]:
    """The rows of these keys as cells, with the tab and all its columns.

    ``zone`` is that of the tab's moments, ``part`` the spreadsheet of its list whose rows are wanted.
    """
    frame = _frame_of(engine, tab_asset, keys, seconds)
    tab = tab_asset.tab_of(frame)
    if part is not None:
        frame = frame[[one == part for one in _parts_of(tab_asset, frame)]].reset_index(drop=True)
    return rows_from_frame(tab, frame, zone(tab)), tab


def parts_of_key(engine: sa.Engine, tab_asset: TabAsset, key: Any, seconds: float) -> tuple[set[str], Tab]:
    """The spreadsheets of its list (their ids in it) in which a tab has a row with this key; the tab with all its columns."""
    frame = _frame_of(engine, tab_asset, [key], seconds)
    return set(_parts_of(tab_asset, frame)), tab_asset.tab_of(frame)


def _parts_of(tab_asset: TabAsset, frame: pd.DataFrame) -> list[str]:
    place = tab_asset.tab.spreadsheet
    return [part_of(value) for value in frame[place.by]] if isinstance(place, Each) else []


def _frame_of(engine: sa.Engine, tab_asset: TabAsset, keys: Collection[Any], seconds: float) -> pd.DataFrame:
    wanted = [key if len(tab_asset.tab.key) > 1 else key[0] for key in keys]
    return _read(engine, tab_asset, lambda one: rows_of(tab_asset, one, wanted), seconds)


def judge(engine: sa.Engine, tab_asset: TabAsset, seconds: float) -> Verdict:
    """Compute all rows of a tab and say what would keep them from being written, and its watches from leading to them.

    As bounded as a sync is: one query of all rows, no statement longer than the engine allows, all of them within ``seconds``.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    try:
        problems = _read(engine, tab_asset, lambda one: list(_of_catalog(one, tab_asset)), seconds)
        if any(place[:1] == ("columns",) for place, _ in problems):
            return Verdict(tab_asset.tab, _placed(tab_asset, problems))
        frame = _read(engine, tab_asset, lambda connection: rows_of(tab_asset, connection, None), seconds)
        tab = tab_asset.tab_of(frame)
        is_found_by_key = keys_of_tab(tab, ()) is not None  # else events have the whole tab compared
        problems = [one for one in problems if is_found_by_key or one[0] != ("key",)]
        problems += [(("key",), text) for text in _without_key(tab, frame)]
        rows = rows_from_frame(tab, frame, UTC)
        if is_found_by_key and (lost := _lost_key(engine, tab_asset, tab, rows, seconds)) is not None:
            problems.append((("key",), lost))
        return Verdict(tab, _placed(tab_asset, problems), len(rows), tuple(rows.set_aside))
    except DatabaseError:
        raise
    except SheetsPipelineError as error:
        place: Place = ("key",) if isinstance(error, KeysNotUnique) else ("sql",)
        text = str(error).removeprefix(f"Tab {tab_asset.tab.name!r}: ")
        return Verdict(tab_asset.tab, _placed(tab_asset, [(place, text)]))


def _of_catalog(connection: sa.Connection, tab_asset: TabAsset) -> Iterator[tuple[Place, str]]:
    """What can be told before any row is computed: declared columns that the query does not give, and wrong watches."""
    declared = tab_asset.declared
    if declared is not None and declared.query is not None and declared.declaration is not None:
        given = [name for name, _ in result_columns(declared.query.describe(connection))]
        for i, column in enumerate(declared.declaration.columns or []):
            if column.name not in given:
                text = f"the declared column {column.name!r} is not in the query's result{nearest(column.name, given)}"
                yield ("columns", i, "name"), f"{text}. Correct the name, or add the column to the query"
    yield from watch_problems(connection, tab_asset)
    yield from edit_problems(connection, tab_asset.tab)


def _without_key(tab: Tab, frame: pd.DataFrame) -> Iterator[str]:
    for name in tab.key:
        if lacking := int(frame[name].isna().sum()):
            yield f"{lacking:,} of {len(frame):,} rows have no {name} (NULL), which is a key column. Leave them out (where ...)"


def _placed(tab_asset: TabAsset, problems: Collection[tuple[Place, str]]) -> tuple[str, ...]:
    """Each with file and line, in the order of lines."""
    declared = tab_asset.declared
    if declared is None:
        path, line = declared_at(tab_asset)
        return tuple(f"{Path(path).name}, line {line}: {text.rstrip('.')}." for _, text in problems)
    lines = [(_line_of(declared, place), text) for place, text in problems]
    return tuple(f"{declared.file}, line {line}: {text.rstrip('.')}." for line, text in sorted(lines))


def _line_of(declared: DeclaredTab, place: Place) -> int:
    is_in_file = place == ("sql",) and declared.declaration is not None and declared.declaration.sql is None
    return declared.line_of(("sql_file",) if is_in_file else place)


def _lost_key(engine: sa.Engine, tab_asset: TabAsset, tab: Tab, rows: Rows, seconds: float) -> str | None:
    """What is wrong where a row of the tab is not found again by its key; the first few stand for all."""
    if tab_asset.declared is None:
        return None
    some = list(islice((key for key in rows.keys if all(key.split(KEY_SEPARATOR))), 3))
    parts = [tuple(key.split(KEY_SEPARATOR)) for key in some]
    frame = _read(engine, tab_asset, lambda connection: rows_of(tab_asset, connection, parts), seconds)
    again = rows_from_frame(tab, frame, UTC)
    if missing := [key for key in some if key not in again.position]:
        shown = readable_key(missing[0])
        return (
            f"the row of the key {shown!r} is among all rows, and is not found by its key. Let the query give the key as the "
            "column holds it (no rounding, no padding), or name other columns in :keys."
        )
    return None


def _parts(tab_asset: TabAsset, key: str) -> Any:
    columns = len(tab_asset.tab.key)
    if columns == 1:
        return key
    try:
        parts = json.loads(key)
    except ValueError:
        parts = None
    if not isinstance(parts, list) or len(parts) != columns:
        names = ", ".join(tab_asset.tab.key)
        raise TabProblem(
            tab_asset.tab.name, f"expected a key as JSON array of {columns} values ({names}), found {key!r}."
        )
    return tuple(map(str, parts))


def _read(engine: sa.Engine, tab_asset: TabAsset, read: Callable[[sa.Connection], T], seconds: float) -> T:
    if tab_asset.problem is not None:
        raise DeclarationBroken(tab_asset.tab.name, tab_asset.problem.text)
    with computing(engine, tab_asset):
        return Reading(engine, read, seconds).result()


def _trial(tab_asset: TabAsset, frame: pd.DataFrame, zone: tzinfo) -> Trial:
    tab = tab_asset.tab_of(frame)
    rows = rows_from_frame(tab, frame, zone)
    cells = [list(row) for row in zip(*(rows.columns[column.name] for column in tab.columns), strict=True)]
    return Trial(tab, cells, rows.set_aside)
