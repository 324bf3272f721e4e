"""Where declared tabs stand: a tab with one spreadsheet is a target; lists of spreadsheets are as YAML or SQL has them now."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.declared import DeclaredSpreadsheets
from sheets_pipeline.components.tab_asset import TabAsset, declared_credentials, declared_spreadsheets
from sheets_pipeline.errors import DatabaseError, TabProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import spreadsheet_id_in
from sheets_pipeline.sync.privacy import without_values
from sheets_pipeline.sync.spreadsheet import DEFAULT, Credential, Each, Spreadsheet, titled

#: What Dagster takes in no name of a partition.
_NOT_IN_A_PARTITION = ("...", "\a", "\b", "\f", "\n", "\r", "\t", "\v", "\0")


@dataclass(frozen=True, eq=False)
class Target:
    """One tab in one spreadsheet, with the pipeline that keeps it there."""

    tab_asset: TabAsset
    pipeline: Pipeline

    @property
    def spreadsheet(self) -> Spreadsheet:
        """Where it stands."""
        return self.pipeline.spreadsheet

    @property
    def name(self) -> str:
        """As people and ``--json`` name it."""
        tab = self.tab_asset.tab
        return tab.name if self.spreadsheet.part is None else titled(tab.title, self.spreadsheet.name)


def target(pipeline: Pipeline, tab_asset: TabAsset) -> Target:
    """The target of a tab that stands in one spreadsheet.

    Raises:
        TabProblem: The spreadsheet that it names cannot be used.
    """
    place = tab_asset.tab.spreadsheet
    if isinstance(place, Each):
        raise TypeError(f"The tab {tab_asset.tab.title!r} stands in several spreadsheets.")
    spreadsheet = _default(pipeline) if place == DEFAULT else _single(pipeline, tab_asset, place)
    if spreadsheet.problem is not None:
        raise TabProblem(tab_asset.tab.name, spreadsheet.problem)
    return Target(tab_asset, pipeline.at(spreadsheet))


def targets(pipeline: Pipeline, tab_asset: TabAsset) -> list[Target]:
    """All targets of a tab; those of a list whose spreadsheet cannot be used among them (``spreadsheet.problem``).

    Raises:
        TabProblem: The spreadsheet or the list that it names cannot be used.
        DatabaseError: The database does not answer.
    """
    place = tab_asset.tab.spreadsheet
    if not isinstance(place, Each):
        return [target(pipeline, tab_asset)]
    try:
        listed = spreadsheets_of(pipeline, place.spreadsheets)
    except ValueError as error:
        raise TabProblem(tab_asset.tab.name, str(error)) from None
    return [Target(tab_asset, pipeline.at(one)) for one in listed]


def usable_targets(pipeline: Pipeline, tab_assets: Iterable[TabAsset]) -> list[Target]:
    """All targets of these tabs but those whose declaration or spreadsheet cannot be used, which their own syncs tell.

    Raises:
        DatabaseError: The database does not answer.
    """
    found: list[Target] = []
    for tab_asset in tab_assets:
        if tab_asset.problem is None:
            with suppress(TabProblem):
                found += [one for one in targets(pipeline, tab_asset) if one.spreadsheet.problem is None]
    return found


def spreadsheets_of(pipeline: Pipeline, name: str) -> list[Spreadsheet]:
    """The spreadsheets of a list, as they are now.

    Raises:
        ValueError: There is no such list, or it cannot be read; says why.
        DatabaseError: The database does not answer.
    """
    declared = declared_spreadsheets().get(name)
    if declared is None or declared.declaration.is_single:
        raise ValueError(f"there is no list of spreadsheets {name!r}. Declare it, or correct the name.")
    said = declared.declaration
    common = {"credential": said.credential, "owner": said.owner}
    rows: Iterable[Mapping[str, Any]] = (
        _selected(pipeline, declared) if declared.query else [one.model_dump() for one in said.list or ()]
    )
    one_by_one = [
        _spreadsheet(pipeline, name, {**common, **{key: value for key, value in row.items() if value is not None}})
        for row in rows
    ]
    return list(_each_once(one_by_one))


def _default(pipeline: Pipeline) -> Spreadsheet:
    return Spreadsheet(DEFAULT, pipeline.services.spreadsheet_id, pipeline.services.spreadsheet_url)


def _single(pipeline: Pipeline, tab_asset: TabAsset, name: str) -> Spreadsheet:
    declared = declared_spreadsheets().get(name)
    if declared is None or not declared.declaration.is_single:
        raise TabProblem(tab_asset.tab.name, f"there is no spreadsheet {name!r}. Declare it, or correct the name.")
    row = declared.declaration.model_dump()
    bound = declared_credentials().get(str(row["credential"]))
    if bound is not None and bound.declaration.hosts and pipeline.settings.celery_broker_url:
        raise TabProblem(
            tab_asset.tab.name,
            f"its credential {row['credential']!r} is bound to hosts {bound.declaration.hosts!r}, which is for spreadsheets of a list. "
            "Declare a list with this one, or leave hosts out.",
        )
    return replace(_spreadsheet(pipeline, name, {**row, "id": "one"}), name=name, part=None)


def _selected(pipeline: Pipeline, declared: DeclaredSpreadsheets) -> list[Mapping[str, Any]]:
    name = declared.declaration.name
    try:
        with pipeline.source.connect() as connection:
            result = connection.exec_driver_sql(str(declared.query), execution_options={"no_parameters": True})
            rows: list[Mapping[str, Any]] = [dict(row) for row in result.mappings()]
            columns = list(result.keys())
    except sa.exc.DBAPIError as error:
        text = f"its list of spreadsheets {name!r} cannot be read. The database says: {without_values(error)}. Correct the query"
        raise ValueError(f"{text} ({declared.path.name}, line {declared.begins}).") from None
    except DatabaseError as error:
        if error.is_transient:
            raise
        raise ValueError(f"its list of spreadsheets {name!r} cannot be read. {error}") from None
    if missing := {"id", "url"} - set(columns):
        raise ValueError(
            f"the query of its list of spreadsheets {name!r} gives no column {sorted(missing)[0]!r}, it gives "
            f"{', '.join(columns)}. Name it so ({declared.path.name}, line {declared.begins})."
        )
    return rows


def part_of(value: object) -> str:
    """The id of a spreadsheet in its list, or what a row says of it, as text; blank for none."""
    if value is None or value != value:  # NaN is not itself
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _spreadsheet(pipeline: Pipeline, name: str, row: Mapping[str, Any]) -> Spreadsheet:
    part, url = part_of(row.get("id")), str(row.get("url") or "")
    spreadsheet_id, problem, credential = "", None, Credential()
    try:
        spreadsheet_id = spreadsheet_id_in(url)
    except ValueError as error:
        problem = f"the url of the spreadsheet {part!r} of {name!r} {error}."
    if not part or any(text in part for text in _NOT_IN_A_PARTITION) or len(part) > 100:
        problem = f"an id of {name!r} is {part!r}; expected one line of at most 100 characters, without '...'."
    if (wanted := row.get("credential") or DEFAULT) != DEFAULT:
        if (declared := declared_credentials().get(str(wanted))) is None:
            problem = f"there is no credential {str(wanted)!r}, which the spreadsheet {part!r} of {name!r} names."
        else:
            credential = declared.credential
    address = pipeline.address_of(spreadsheet_id) if spreadsheet_id else ""
    owner = str(row.get("owner") or "")
    return Spreadsheet(f"{name}/{part}", spreadsheet_id, address, credential, part, owner, problem)


def _each_once(listed: list[Spreadsheet]) -> Iterator[Spreadsheet]:
    """Two with one id, or two ids of one spreadsheet: rows of one would be taken for rows of the other."""
    parts: dict[str | None, str] = {}
    ids: dict[str, str | None] = {}
    for one in listed:
        if one.part in parts:
            if parts[one.part] != one.id:  # the same row twice is one
                yield replace(one, problem=f"the id {one.part!r} stands in its list more than once.")
            continue
        parts[one.part] = one.id
        if one.problem is None and one.id in ids:
            yield replace(one, problem=f"it is the same spreadsheet as {ids[one.id]!r}. Give each id its own.")
            continue
        ids.setdefault(one.id, one.part)
        yield one
