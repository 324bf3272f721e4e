"""Asset checks: one property of each tab, taken from what its last sync reported; they cost no request."""

from typing import Any

import dagster as dg

from sheets_pipeline.defs.tab_asset import TabAsset, tab_assets


def _last_metadata(context: dg.AssetCheckExecutionContext, key: dg.AssetKey) -> dict[str, Any]:
    """Metadata of the newest materialization; empty where there is none."""
    event = context.instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    return {name: value.value for name, value in materialization.metadata.items()} if materialization else {}


def _all_rows_are_written(found: TabAsset) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=found.key,
        name="all_rows_are_written",
        description="No row was set aside because it cannot be written (blank key, a text over 50,000 characters).",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        metadata = _last_metadata(context, found.key)
        return dg.AssetCheckResult(
            passed=not metadata.get("set_aside"),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"set_aside_rows": metadata.get("set_aside_rows", [])},
        )

    return check


def _keys_stand_once(found: TabAsset) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=found.key,
        name="keys_stand_once",
        description="No key stands on two rows of the tab. The topmost row is kept up to date, the others are left alone.",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        doubled = _last_metadata(context, found.key).get("doubled_keys", {})
        return dg.AssetCheckResult(
            passed=not doubled,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"doubled_keys": doubled},
            description="Delete the rows that are copies, or change their key." if doubled else None,
        )

    return check


@dg.definitions
def checks() -> dg.Definitions:
    """The same checks for every tab."""
    makers = (_all_rows_are_written, _keys_stand_once)
    return dg.Definitions(asset_checks=[make(found) for found in tab_assets().values() for make in makers])
