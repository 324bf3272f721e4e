"""Requests on developer metadata, which lives on a row, a column, a tab or the spreadsheet and moves with it.

See https://developers.google.com/workspace/sheets/api/guides/metadata
"""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.data_filters import MetadataPlace, matching_metadata, metadata_message, metadata_places, read_location
from local_sheets.model.transaction import Transaction
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields

Message = dict[str, Any]


def create_developer_metadata(tx: Transaction, request: Message) -> Message:
    """createDeveloperMetadata"""
    given = request.get("developerMetadata", {})
    if not given.get("metadataKey"):
        raise invalid("Must specify a metadata key.")
    if given.get("visibility") in (None, "DEVELOPER_METADATA_VISIBILITY_UNSPECIFIED"):
        raise invalid("Must specify a visibility.")
    if "location" not in given:
        raise invalid("Must specify a location.")
    key = given.get("metadataId") or tx.spreadsheet.new_metadata_id()
    if key in tx.spreadsheet.metadata:
        raise invalid(
            f"Cannot add developer metadata with ID [{key}] because developer metadata with that ID already exists."
        )
    place = read_location(tx.spreadsheet, given["location"])
    message = {"metadataId": key, "metadataKey": given["metadataKey"]}
    if "metadataValue" in given:
        message["metadataValue"] = given["metadataValue"]
    _attach(tx, key, {**message, "visibility": given["visibility"]}, place)
    return {"developerMetadata": metadata_message(tx.spreadsheet.metadata[key], place)}


def _attach(tx: Transaction, key: int, message: Message, place: MetadataPlace) -> None:
    """Put a piece of metadata in its place; what lives on a row or column is known there."""
    tab, index = place.tab, place.index
    if tab is not None and index is None:
        message = {**message, "sheetId": tab.sheet_id}
    tx.set_metadata(key, message)
    if tab is None or index is None:
        return
    if place.kind == "ROW":
        _check_index(index, tab.row_count)
        tab.replace_row(tx, index, metadata=(*tab.own_row(tx, index).metadata, key))
    else:
        _check_index(index, tab.column_count)
        column = tab.column(index)
        tab.replace_column(tx, index, metadata=(*(column.metadata if column else ()), key))


def _check_index(index: int, total: int) -> None:
    if index >= total:
        raise invalid(f"Developer metadata cannot be located at {index}: the sheet ends at {total}.")


def _detach(tx: Transaction, key: int, place: MetadataPlace) -> None:
    tab, index = place.tab, place.index
    if tab is None or index is None:
        return
    if place.kind == "ROW":
        row = tab.own_row(tx, index)
        tab.replace_row(tx, index, metadata=tuple(other for other in row.metadata if other != key))
    elif (column := tab.column(index)) is not None:
        tab.replace_column(tx, index, metadata=tuple(other for other in column.metadata if other != key))


def update_developer_metadata(tx: Transaction, request: Message) -> Message:
    """updateDeveloperMetadata"""
    mask, given = read_fields(request.get("fields")), request.get("developerMetadata", {})
    filters = request.get("dataFilters", [])
    if not filters:
        raise invalid("Must specify at least one data filter.")
    found = {key: place for f in filters for key, place in matching_metadata(tx.spreadsheet, f)}
    for key, place in found.items():
        old = tx.spreadsheet.metadata[key]
        fresh = {"metadataId": key, **_without_place(merge_masked(old, given, mask))}
        for name in ("metadataKey", "visibility"):
            fresh.setdefault(name, old[name])
        if given.get("location") and "location" in mask:
            _detach(tx, key, place)
            _attach(tx, key, fresh, read_location(tx.spreadsheet, given["location"]))
        else:
            tx.set_metadata(key, {**fresh, **({"sheetId": old["sheetId"]} if "sheetId" in old else {})})
    return {"developerMetadata": _messages(tx, found)}


def _without_place(message: Message) -> Message:
    return {k: v for k, v in message.items() if k in ("metadataKey", "metadataValue", "visibility")}


def _messages(tx: Transaction, keys: Any) -> list[Message]:
    places = metadata_places(tx.spreadsheet)
    return [metadata_message(tx.spreadsheet.metadata[key], places[key]) for key in keys]


def delete_developer_metadata(tx: Transaction, request: Message) -> Message:
    """deleteDeveloperMetadata"""
    if "dataFilter" not in request:
        raise invalid("Must specify a data filter.")
    found = dict(matching_metadata(tx.spreadsheet, request["dataFilter"]))
    deleted = _messages(tx, found)
    for key, place in found.items():
        _detach(tx, key, place)
        tx.set_metadata(key, None)
    return {"deletedDeveloperMetadata": deleted} if deleted else {}
