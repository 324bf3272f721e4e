"""dagster-community-components: its Google Sheets row upsert, materialized in process."""

from pathlib import Path

import dagster as dg
import pandas as pd
from dagster_community_components.assets.reverse_etl.google_sheets_row_upsert.component import (
    GoogleSheetsRowUpsertComponent,
)
from dagster_community_components.resources.google_sheets_resource.component import GoogleSheetsResource

from benchmarks.data import COLUMNS
from benchmarks.peers.addresses import Target


def sync(target: Target, frame: pd.DataFrame) -> None:
    """Materialize the asset; moments are given as text, because it cannot send them otherwise."""
    given = frame.assign(seen_at=frame["seen_at"].dt.strftime("%Y-%m-%d %H:%M:%S"))

    @dg.asset(name="rows")
    def rows() -> pd.DataFrame:
        return given

    component = GoogleSheetsRowUpsertComponent(
        asset_name="tab",
        upstream_asset_key="rows",
        spreadsheet_id=target.spreadsheet_id,
        worksheet_name=target.tab,
        key_column="id",
        fields_map={name: name for name in COLUMNS},
        max_rows=10_000_000,
    )
    definitions = component.build_defs(None)
    resource = GoogleSheetsResource(gcp_credentials_json=Path(target.credentials_file).read_text())
    dg.materialize(
        [rows, *(definitions.assets or [])],
        resources={"google_sheets_resource": resource, "io_manager": dg.mem_io_manager},
    )
