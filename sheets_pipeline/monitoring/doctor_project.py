"""What the doctor looks at where a project folder declares tabs."""

from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.database.engine import read_only
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.monitoring.doctor import Finding, counted, fail, ok
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.runs.trial import first_rows


def queries(facts: Facts) -> Finding:
    """The database takes the query of every tab, and gives the columns that are declared. No row is computed."""
    engine = read_only(facts.platform, facts.settings.database_statement_timeout_seconds)
    refused, tabs = [], _declared()
    if not tabs:
        return ok("no tab is declared with a query of its own")
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
    return ok(f"taken, of {counted(len(tabs), 'tab')}")


def _declared() -> list[TabAsset]:
    return [tab_asset for tab_asset in tab_assets().values() if tab_asset.declared and tab_asset.problem is None]
