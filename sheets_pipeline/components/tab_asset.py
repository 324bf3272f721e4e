"""``@tab_asset``: turns a query and a tab's declaration into an asset whose rows are kept in that tab."""

import functools
import inspect
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.components import declarations
from sheets_pipeline.components.declarations import Problem, TabModule
from sheets_pipeline.components.declared import (
    Declared,
    DeclaredCredential,
    DeclaredSource,
    DeclaredSpreadsheets,
    DeclaredTab,
)
from sheets_pipeline.components.names import dagster_name
from sheets_pipeline.components.project import Project, declared_by, project_of
from sheets_pipeline.database.event_keys import TabEvents
from sheets_pipeline.database.own_query import own_query
from sheets_pipeline.errors import DeclarationBroken
from sheets_pipeline.home import project_folder, sources_folder
from sheets_pipeline.sync.spreadsheet import Each, titled
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.watch import WatchedTable, watched_tables

#: Gives all rows of a tab (ids is None), or the rows of the given keys. One of a tab with archives is also given ``since``:
#: the moment from which on rows belong to the main tab, None for all.
Compute = Callable[..., pd.DataFrame]

warnings.filterwarnings("ignore", "Parameter `backfill_policy` of function `asset", dg.BetaWarning)

GROUP = "google_sheets"

#: Group and first part of the key of watched tables.
_TABLES = "database"


@dataclass(frozen=True, slots=True, eq=False)
class TabAsset:
    """A tab, its asset and the query that gives its rows.

    A declaration that cannot be used has a ``problem``: its asset fails with it, and nothing else does.
    """

    tab: Tab
    asset: dg.AssetsDefinition
    compute: Compute
    #: Name of the Python module that declares it.
    module: str = ""
    problem: Problem | None = None
    #: The document of a project's file that declares it.
    declared: DeclaredTab | None = None

    @property
    def file_name(self) -> str:
        """Of the file that declares it, as people know it."""
        return self.declared.file if self.declared else f"{self.module.rpartition('.')[2]}.py"

    def tab_of(self, rows: pd.DataFrame) -> Tab:
        """The tab of these rows: a declaration may leave columns and types to its query."""
        return self.tab if self.declared is None else self.declared.resolved(rows)

    @property
    def key(self) -> dg.AssetKey:
        """The asset's key."""
        return self.asset.key


#: What modules have declared so far, and what was made of it when the folder was loaded; empty before.
_DECLARED: list[TabAsset] = []
_BY_KEY: dict[dg.AssetKey, TabAsset] = {}
_LOADED: dict[str, str] = {}
#: Spreadsheets and credentials that the project declares, and those that Dagster's own loader has found.
_PROJECT, _COMPONENTS_OF_PROJECT = Project(), Project()
#: Tabs that Dagster's own loader has found, as components of a project that ``dg`` made.
_COMPONENTS: dict[dg.AssetKey, TabAsset] = {}
#: The control API loads anew while other threads ask; a module may ask for the tabs as it is loaded.
_LOADING = threading.RLock()


def tab_asset(tab: Tab) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Make an asset of a function; its docstring is the asset's description.

    ``(connection)`` gives the query of all rows, as SQL or as a statement of SQLAlchemy's, and rows of some keys come from
    wrapping it, as with a declaration in YAML. ``(connection, ids) -> DataFrame`` reads the rows itself.
    """
    module = str(sys._getframe(1).f_globals.get("__name__", ""))

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        compute = function if _takes_keys(function) else _reading(tab, function)
        declared = TabAsset(tab, _asset(tab, compute, function.__name__), compute, module)
        _DECLARED.append(declared)
        if _BY_KEY:
            _BY_KEY[declared.key] = declared
        return declared.asset

    return decorate


def _takes_keys(function: Callable[..., Any]) -> bool:
    """Whether it is given more than a connection and, for a tab with archives, ``since``."""
    parameters = inspect.signature(function).parameters
    is_many = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values())
    return is_many or len(parameters.keys() - {"since"}) > 1


def _reading(tab: Tab, query_of: Callable[..., Any]) -> Compute:
    @functools.wraps(query_of)
    def rows(connection: sa.Connection, keys: Collection[Any] | None, **since: Any) -> pd.DataFrame:
        query = own_query(tab.title, tab.key, query_of(connection, **since), connection.dialect)
        return query.read(connection, keys)

    return rows


def table_key(table: str) -> dg.AssetKey:
    """The key of a table that tabs watch; it stands apart from keys of tabs."""
    return dg.AssetKey([_TABLES, *map(dagster_name, table.split("."))])


def table_specs(tabs: Collection["TabAsset"]) -> list[dg.AssetSpec]:
    """The watched tables as assets that others fill: what the tabs are made of, in the lineage."""
    tables = sorted({watch.table for known in tabs for watch in known.tab.watches})
    return [
        dg.AssetSpec(
            table_key(table),
            group_name=_TABLES,
            kinds={"sql", "table"},
            description=f"The table {table} of the database. Its changes refresh the tabs that watch it.",
            metadata={"dagster/table_name": table},
        )
        for table in tables
    ]


def _asset(tab: Tab, compute: Compute, name: str) -> dg.AssetsDefinition:
    """The asset of a tab, under this name or, where Dagster does not take it, one made of it."""
    with suppress(dg.DagsterInvalidDefinitionError):  # a word that Dagster keeps for itself
        return _named_asset(tab, compute, dagster_name(name))
    return _named_asset(tab, compute, dagster_name(name, always_digest=True))


def _named_asset(tab: Tab, compute: Compute, name: str) -> dg.AssetsDefinition:
    is_in_list = isinstance(tab.spreadsheet, Each)

    @dg.asset(
        name=name,
        description=compute.__doc__,
        io_manager_key=None if is_in_list else "sheets_io_manager",
        output_required=False,  # a dry run has none, a list tells each of its partitions
        required_resource_keys={"pipeline"},
        group_name=GROUP,
        owners=list(tab.owners),
        kinds={"googlesheets", "sql"},
        deps=sorted({table_key(watch.table) for watch in tab.watches}),
        pool=f"tab_{dagster_name(tab.name)}",
        op_tags={"dagster/priority": str(-tab.turn)},
        metadata={"tab": tab.title, "key": list(tab.key), "dagster/column_schema": _column_schema(tab)},
        partitions_def=partitions_of(tab),
        backfill_policy=dg.BackfillPolicy.single_run() if is_in_list else None,
    )
    def asset(context: dg.AssetExecutionContext) -> Any:
        if is_in_list:
            context.resources.pipeline.kept(context)
        elif (computed := context.resources.pipeline.computed(context)) is not None:
            yield dg.Output(computed)

    return asset


def partitions_of(tab: Tab) -> dg.DynamicPartitionsDefinition | None:
    """One partition per spreadsheet of the list that a tab stands in each of."""
    each = tab.spreadsheet
    return dg.DynamicPartitionsDefinition(name=each.spreadsheets) if isinstance(each, Each) else None


def tab_assets() -> dict[dg.AssetKey, TabAsset]:
    """All declared tabs, by the key of their asset: those of the project's folder, else the learning platform's.

    They are looked for once per process: what is added, changed or deleted afterwards counts from its next start.
    """
    with _LOADING:
        if not _BY_KEY:
            files = declarations.files()
            _BY_KEY.update((declared.key, declared) for declared in _load())
            _LOADED.clear()
            _LOADED.update(files)
        return {**_BY_KEY, **_COMPONENTS}


def add_component(declared: DeclaredTab) -> TabAsset:
    """The asset of a declaration that Dagster's own loader has found; of two with one title the second says so."""
    made = of_project(declared)
    with _LOADING:
        there = _COMPONENTS.get(made.key)
        if there is not None and declared_at(there) != declared_at(made):
            path, line = declared_at(made)
            files = " and ".join(sorted({there.file_name, made.file_name}))
            problem = declarations.problem_at(path, line, f"the title {declared.title!r} is declared twice, in {files}")
            title = declarations.unused(declared.title, f"{path}, line {line}", lambda _: True)
            made = replace(_broken(title, dagster_name(title), "", problem), declared=declared)
        _COMPONENTS[made.key] = made
    return made


def declared_spreadsheets() -> dict[str, DeclaredSpreadsheets]:
    """Named spreadsheets and lists of them, by name."""
    tab_assets()
    return {**_PROJECT.spreadsheets, **_COMPONENTS_OF_PROJECT.spreadsheets}


def declared_credentials() -> dict[str, DeclaredCredential]:
    """Credentials beside the settings' own, by name."""
    tab_assets()
    return {**_PROJECT.credentials, **_COMPONENTS_OF_PROJECT.credentials}


def declared_sources() -> list[DeclaredSource]:
    """Sources, those that cannot be used among them; each id stands once."""
    tab_assets()
    return [*_PROJECT.sources, *_COMPONENTS_OF_PROJECT.sources]


def add_of_project(declared: DeclaredSpreadsheets | DeclaredCredential | DeclaredSource) -> None:
    """Keep spreadsheets, a credential or a source that Dagster's own loader has found."""
    with _LOADING:
        if isinstance(declared, DeclaredSource):
            same = [
                one
                for one in _COMPONENTS_OF_PROJECT.sources
                if (one.path, one.begins) != (declared.path, declared.begins)
            ]
            _COMPONENTS_OF_PROJECT.sources[:] = [*same, declared]
            return
        of_kind: dict[str, Any] = (
            _COMPONENTS_OF_PROJECT.spreadsheets
            if isinstance(declared, DeclaredSpreadsheets)
            else _COMPONENTS_OF_PROJECT.credentials
        )
        of_kind[declared.declaration.name] = declared


def tab_events() -> dict[str, TabEvents]:
    """What events need to know of each tab, by name."""
    entities = {table.name: table.entity for table in watched()}
    return {known.tab.name: TabEvents.of(known.tab, entities) for known in tab_assets().values()}


def is_refreshed_by_events() -> bool:
    """Whether any tab is."""
    return any(known.tab.watches or known.tab.entities for known in tab_assets().values())


def watched() -> list[WatchedTable]:
    """The tables that the tabs watch."""
    return watched_tables({known.tab.name: known.tab.watches for known in tab_assets().values()})


def loaded_files() -> dict[str, str]:
    """What declares tabs as it was when it was loaded: name of each file → digest of its text."""
    tab_assets()
    return dict(_LOADED)


def reload_tabs() -> None:
    """Look for the tabs anew; for processes that only show them, as Dagster's definitions keep the old ones."""
    with _LOADING:
        for name in [name for name in sys.modules if name.startswith(f"{declarations.PACKAGE}.")]:
            del sys.modules[name]
        _DECLARED.clear()
        _BY_KEY.clear()
        tab_assets()


# Loading the folder ----------------------------------------------------------------------------------------------------


def _load() -> list[TabAsset]:
    """Whatever is declared, the broken ones among it; every title and every asset's name stands once."""
    # A module that is about to be imported again declares its tabs again.
    _DECLARED[:] = [one for one in _DECLARED if one.module in sys.modules]
    folder, modules = project_folder(), list(declarations.modules())
    in_python = [one for module in modules for one in _models_in(module)]
    project = project_of(folder, in_python, sources_folder())
    _PROJECT.spreadsheets, _PROJECT.credentials = project.spreadsheets, project.credentials
    _PROJECT.sources = project.sources
    declared = [_judged(module, tab) for module in modules for tab in _tabs_of(module)]
    declared = list(_titles_once([*declared, *map(of_project, project.tabs)]))
    return list(_names_once(declared))


def of_project(declared: DeclaredTab) -> TabAsset:
    """The asset of a declaration in a project's file; of one that cannot be used one that says why."""
    if declared.tab is None or declared.declaration is None:
        problem = declarations.project_problem(declared)
        return replace(_broken(declared.title, declared.asset_name, "", problem), declared=declared)
    asset = _asset(declared.tab, declared.compute, declared.asset_name)
    return TabAsset(declared.tab, asset, declared.compute, declared=declared)


def _models_in(module: TabModule) -> Iterator[Declared]:
    loaded = sys.modules.get(module.name)
    return iter(()) if loaded is None or module.problem else declared_by(loaded, Path(module.path))


def _tabs_of(module: TabModule) -> list[TabAsset]:
    """What a module declares; of one that could not be imported a stand-in, with the title that it was to have."""
    declared = [one for one in _DECLARED if one.module == module.name]
    if module.problem is None:
        return declared
    title = declared[0].tab.title if declared else module.title_in_text or module.name.rpartition(".")[2]
    name = declared[0].key.path[-1] if declared else module.name.rpartition(".")[2]
    return [_broken(title, name, module.name, module.problem)]


def _judged(module: TabModule, declared: TabAsset) -> TabAsset:
    if declared.problem is not None or (wrong := declarations.wrong_in(declared.tab)) is None:
        return declared
    title = str(declared.tab.title).strip() or module.file_name
    return _broken(title, declared.key.path[-1], declared.module, _problem_of(declared, f"Tab {title!r}: {wrong}"))


def _problem_of(declared: TabAsset, text: str) -> Problem:
    path, line = declared_at(declared)
    return declarations.problem_at(path, line, text)


def declared_at(declared: TabAsset) -> tuple[str, int]:
    """File and line of a declaration."""
    if declared.problem is not None:
        return declared.problem.path, declared.problem.line
    if declared.declared is not None:
        return declared.declared.path, declared.declared.line
    function = inspect.unwrap(declared.compute)
    return inspect.getsourcefile(function) or __file__, inspect.getsourcelines(function)[1]


def _titles_once(tabs: list[TabAsset]) -> Iterator[TabAsset]:
    """Of two declarations with the same title in the same spreadsheet neither is used: rows of one would be taken for rows of the other.

    Where they stand in different spreadsheets, their names tell them apart.
    """
    places = Counter(_place(tab) for tab in tabs if tab.problem is None)
    titles = Counter(title for title, _ in places)
    used = {title for (title, _), count in places.items() if count == 1}
    for tab in tabs:
        title, spreadsheet = _place(tab)
        problem = tab.problem
        if problem is None and places[title, spreadsheet] > 1:
            files = " and ".join(_files_of(tabs, title))
            problem = _problem_of(
                tab, f"the title {tab.tab.title!r} is declared more than once, in {files}; give each tab its own"
            )
        if problem is None:
            yield tab if titles[title] == 1 else _renamed(tab, titled(tab.tab.title, spreadsheet))
            continue
        name = declarations.unused(tab.tab.title, tab.file_name, lambda wish: declarations.same_title(wish) in used)
        used.add(declarations.same_title(name))
        yield replace(_broken(name, tab.key.path[-1], tab.module, problem), declared=tab.declared)


def _place(tab: TabAsset) -> tuple[str, str]:
    """What Google takes for the title, and the name of the spreadsheet or of the list of them."""
    where = tab.tab.spreadsheet
    return declarations.same_title(tab.tab.title), where.spreadsheets if isinstance(where, Each) else where


def _renamed(known: TabAsset, name: str) -> TabAsset:
    """The same under a name of its own, in Dagster, too, where it is not that of the default spreadsheet."""
    if name == known.tab.name:
        return known
    tab = replace(known.tab, name=name)
    declared = known.declared and replace(known.declared, tab=tab)
    return replace(known, tab=tab, declared=declared, asset=_asset(tab, known.compute, dagster_name(name)))


def _files_of(tabs: list[TabAsset], title: str) -> list[str]:
    same = (tab for tab in tabs if tab.problem is None and _place(tab)[0] == title)
    return sorted({Path(declared_at(tab)[0]).name for tab in same})


def _names_once(tabs: list[TabAsset]) -> Iterator[TabAsset]:
    """Where functions of several modules have the same name, all but the one named as its module get another."""
    names = Counter(tab.key for tab in tabs)
    for tab in tabs:
        name = tab.key.path[-1]
        if names[tab.key] > 1 and tab.module.rpartition(".")[2] != name:
            other = dagster_name(f"{name} {tab.module} {tab.tab.title}", always_digest=True)
            tab = replace(tab, asset=_asset(tab.tab, tab.compute, other))
        yield tab


def _broken(title: str, name: str, module: str, problem: Problem) -> TabAsset:
    """A stand-in for a declaration that cannot be used."""
    tab = Tab(title, ("unknown",), (Column("unknown"),))

    def compute(_connection: sa.Connection, _ids: Collection[Any] | None) -> pd.DataFrame:
        raise DeclarationBroken(title, problem.text)

    compute.__doc__ = f"This tab's declaration cannot be used. {problem.text}"
    return TabAsset(tab, _asset(tab, compute, name), compute, module, problem)


_DAGSTER_TYPES = {
    ColumnType.TEXT: "string",
    ColumnType.INTEGER: "int",
    ColumnType.DECIMAL: "float",
    ColumnType.PERCENT: "float",
    ColumnType.BOOLEAN: "bool",
    ColumnType.DATE: "date",
    ColumnType.DATETIME: "timestamp",
    ColumnType.JSON: "json",
}


def _column_schema(tab: Tab) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=_DAGSTER_TYPES[column.type],
                description=_described(column),
                constraints=dg.TableColumnConstraints(unique=tab.key == (column.name,)),
            )
            for column in tab.columns
        ]
    )


def _described(column: Column) -> str | None:
    header = "" if column.header == column.name else f"Header {column.header!r}"
    return ". ".join(filter(None, (column.description.rstrip("."), header))) or None
