"""Which function serves which kind of request."""

from collections.abc import Callable, Mapping
from typing import Any

from sheets_pipeline.local_sheets.batch_update import cells, developer_metadata, dimensions, sorting, tabs
from sheets_pipeline.local_sheets.model.transaction import Transaction

Handler = Callable[[Transaction, dict[str, Any]], dict[str, Any] | None]

HANDLERS: Mapping[str, Handler] = {
    "addSheet": tabs.add_sheet,
    "deleteSheet": tabs.delete_sheet,
    "duplicateSheet": tabs.duplicate_sheet,
    "updateSheetProperties": tabs.update_sheet_properties,
    "updateSpreadsheetProperties": tabs.update_spreadsheet_properties,
    "updateCells": cells.update_cells,
    "appendCells": cells.append_cells,
    "repeatCell": cells.repeat_cell,
    "insertDimension": dimensions.insert_dimension,
    "deleteDimension": dimensions.delete_dimension,
    "moveDimension": dimensions.move_dimension,
    "appendDimension": dimensions.append_dimension,
    "updateDimensionProperties": dimensions.update_dimension_properties,
    "autoResizeDimensions": dimensions.auto_resize_dimensions,
    "createDeveloperMetadata": developer_metadata.create_developer_metadata,
    "updateDeveloperMetadata": developer_metadata.update_developer_metadata,
    "deleteDeveloperMetadata": developer_metadata.delete_developer_metadata,
    "sortRange": sorting.sort_range,
    "randomizeRange": sorting.randomize_range,
}
