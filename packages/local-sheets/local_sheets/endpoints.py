"""Which function serves which method of the API, and which quota it uses."""

from collections.abc import Mapping

from local_sheets.batch_update.method import batch_update
from local_sheets.call import Endpoint
from local_sheets.spreadsheets_api import methods as spreadsheets
from local_sheets.values_api import methods as values

READ, WRITE = "read", "write"

ENDPOINTS: Mapping[str, Endpoint] = {
    "sheets.spreadsheets.create": Endpoint(WRITE, plain=spreadsheets.create),
    "sheets.spreadsheets.get": Endpoint(READ, read=spreadsheets.get),
    "sheets.spreadsheets.getByDataFilter": Endpoint(READ, read=spreadsheets.get_by_data_filter),
    "sheets.spreadsheets.batchUpdate": Endpoint(WRITE, write=batch_update),
    "sheets.spreadsheets.developerMetadata.get": Endpoint(READ, read=spreadsheets.get_metadata),
    "sheets.spreadsheets.developerMetadata.search": Endpoint(READ, read=spreadsheets.search_metadata),
    "sheets.spreadsheets.sheets.copyTo": Endpoint(WRITE, plain=spreadsheets.copy_to),
    "sheets.spreadsheets.values.get": Endpoint(READ, read=values.get),
    "sheets.spreadsheets.values.batchGet": Endpoint(READ, read=values.batch_get),
    "sheets.spreadsheets.values.batchGetByDataFilter": Endpoint(READ, read=values.batch_get_by_data_filter),
    "sheets.spreadsheets.values.update": Endpoint(WRITE, write=values.update),
    "sheets.spreadsheets.values.batchUpdate": Endpoint(WRITE, write=values.batch_update),
    "sheets.spreadsheets.values.batchUpdateByDataFilter": Endpoint(WRITE, write=values.batch_update_by_data_filter),
    "sheets.spreadsheets.values.append": Endpoint(WRITE, write=values.append),
    "sheets.spreadsheets.values.clear": Endpoint(WRITE, write=values.clear),
    "sheets.spreadsheets.values.batchClear": Endpoint(WRITE, write=values.batch_clear),
    "sheets.spreadsheets.values.batchClearByDataFilter": Endpoint(WRITE, write=values.batch_clear_by_data_filter),
}
