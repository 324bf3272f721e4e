"""What the doctor looks at where a project folder declares the tabs, in place of the learning platform's tables."""

from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.database.engine import read_only
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.monitoring.doctor import Finding, fail, ok
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.runs.trial import first_rows


def queries(facts: Facts) -> Finding:
    """The database takes the query of every tab, and gives the columns that are declared. No row is computed."""
    engine = read_only(facts.platform, facts.settings.database_statement_timeout_seconds)
    refused, tabs = [], _declared()
    for tab_asset in tabs:
        try:
            first_rows(engine, tab_asset, 0, facts.settings.sync_tab_timeout_seconds)
        except TabProblem as problem:
            refused.append(str(problem).removesuffix(".") + ".")
    if refused:
        return fail(
            f"{len(refused)} of {len(tabs)} tabs have no rows to show. {' '.join(refused)}",
            "Correct these declarations, or check that DATABASE_URL names the database (and schema, by search_path) of its tables.",
        )
    return ok(f"the queries of {len(tabs)} tabs are taken")


def no_events_expected() -> bool:
    """Whether no tab is refreshed by events, so that nothing has to be recorded."""
    return not any(tab_asset.tab.entities for tab_asset in tab_assets().values())


def _declared() -> list[TabAsset]:
    return [tab_asset for tab_asset in tab_assets().values() if tab_asset.declared and tab_asset.problem is None]
