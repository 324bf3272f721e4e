"""What every tab's asset carries beside its rows: freshness, owners, tags, a link to the spreadsheet and to its code."""

import warnings
from datetime import timedelta
from pathlib import Path

import dagster as dg

from sheets_pipeline.components.names import dagster_name
from sheets_pipeline.components.tab_asset import TabAsset, declared_at, tab_assets
from sheets_pipeline.runs.switches import interval_seconds
from sheets_pipeline.settings import Settings

#: A tab is stale once its last sync is so many intervals ago, and about to be from one interval and a half.
STALE_AFTER_INTERVALS, WARN_AFTER_INTERVALS = 2, 1.5

_GOOGLE_SPREADSHEET = "https://docs.google.com/spreadsheets/d/{}/edit"


def freshness_policy(interval_seconds: int) -> dg.FreshnessPolicy:
    """Stale after two intervals without a sync; Dagster's daemon looks every half minute."""
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(seconds=STALE_AFTER_INTERVALS * interval_seconds),
        warn_window=timedelta(seconds=WARN_AFTER_INTERVALS * interval_seconds),
    )


def code_references(tab_asset: TabAsset) -> dg.CodeReferencesMetadataValue:
    """Where the tab is declared and its query called."""
    file, line = declared_at(tab_asset)
    path = Path(file).resolve()
    reference = dg.LocalFileCodeReference(file_path=str(path), line_number=line, label=f"{path.name}:{line}")
    return dg.CodeReferencesMetadataValue(code_references=[reference])


def described(spec: dg.AssetSpec, tab_asset: TabAsset, settings: Settings) -> dg.AssetSpec:
    """The spec with all that the settings and the tab's declaration say about it."""
    seconds = interval_seconds(tab_asset.tab, settings)
    metadata = {**spec.metadata, "dagster/code_references": code_references(tab_asset), "full_sync_seconds": seconds}
    if settings.spreadsheet_id and settings.sheets_api_endpoint is None:
        metadata["spreadsheet"] = dg.MetadataValue.url(_GOOGLE_SPREADSHEET.format(settings.spreadsheet_id))
    return spec.replace_attributes(
        freshness_policy=freshness_policy(seconds),
        owners=[*spec.owners, *settings.owners],
        tags={**spec.tags, "sheets_pipeline/tab": dagster_name(tab_asset.tab.name)},
        metadata=metadata,
    )


def with_descriptions(definitions: dg.Definitions, settings: Settings) -> dg.Definitions:
    """The definitions with every tab's asset described."""
    tabs = tab_assets()

    def describe(spec: dg.AssetSpec) -> dg.AssetSpec:
        return described(spec, tabs[spec.key], settings) if spec.key in tabs else spec

    with warnings.catch_warnings():  # Dagster calls code references beta and this function a preview
        for category in (dg.BetaWarning, dg.PreviewWarning):
            warnings.simplefilter("ignore", category)
        return definitions.map_resolved_asset_specs(func=describe)
