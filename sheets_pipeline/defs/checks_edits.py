"""Asset check ``no_edits_wait``: for each tab with editable columns, whether edits wait that nothing goes on with.

It reads the ledger and sends Google no request. Like the other checks it runs with every full sync and in ``tab_checks``.
"""

import dagster as dg

from sheets_pipeline.components.tab import make_checks
from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.edits.counts import waiting_in_tab

#: Edits that are new for less are on their way.
_WAITED_SECONDS = 60.0

_TOLD = {
    "new": "{:,} have waited for more than a minute: see whether `sheets-pipeline serve` or Dagster's sensor edits_left runs.",
    "awaiting": "{:,} are above needs_approval_above, and wait for a person.",
    "dead": "{:,} failed five times.",
}


def judged(waiting: dict[str, int]) -> dg.AssetCheckResult:
    """The verdict on one tab."""
    told = [text.format(waiting[state]) for state, text in _TOLD.items() if waiting.get(state)]
    where = "The dashboard's page Edits and `sheets-pipeline edits list` show them; `edits accept` and `edits reject` decide."
    return dg.AssetCheckResult(
        passed=not told,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(["Edits of this tab wait:", *told, where]) if told else None,
        metadata={state: waiting.get(state, 0) for state in _TOLD},
    )


def _check(tab_asset: TabAsset) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=tab_asset.key, name="no_edits_wait", description="No edit of this tab waits for a person, or too long."
    )
    def check(pipeline: PipelineResource) -> dg.AssetCheckResult:
        with pipeline.opened().state.connect() as connection:
            return judged(waiting_in_tab(connection, tab_asset.tab.title, _WAITED_SECONDS))

    return check


def _checks_of(tab_asset: TabAsset) -> list[dg.AssetChecksDefinition]:
    """The check of a tab that people may edit; none of another one."""
    return [_check(tab_asset)] if tab_asset.problem is None and tab_asset.tab.edited else []


if _checks_of not in make_checks:  # of tabs that Dagster loads as components
    make_checks.append(_checks_of)


@dg.definitions
def checks_edits() -> dg.Definitions:
    """The check for every tab that people may edit."""
    return dg.Definitions(asset_checks=[check for one in tab_assets().values() for check in _checks_of(one)])
