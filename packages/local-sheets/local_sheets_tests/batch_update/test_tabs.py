"""Adding, deleting, copying and changing tabs."""

import pytest

from local_sheets_tests.api_client import Api, rows

CHECKED_AGAINST = ("recording",)


def titles(api: Api) -> list[str]:
    return [sheet["properties"]["title"] for sheet in api.get("sheets.properties.title")["sheets"]]


def set_properties(fields: str, **properties: object) -> dict:
    return {"updateSheetProperties": {"properties": {"sheetId": 0, **properties}, "fields": fields}}


def test_a_new_tab_gets_an_id_a_title_and_a_place(api: Api):
    [reply] = api.batch({"addSheet": {}})
    added = reply["addSheet"]["properties"]
    assert added["sheetId"] > 0
    assert (added["title"], added["index"], added["sheetType"]) == ("Sheet2", 1, "GRID")
    assert added["gridProperties"] == {"rowCount": 1000, "columnCount": 26}


def test_a_new_tab_takes_what_it_is_given(api: Api):
    color = {"red": 1}
    given = {
        "title": "First",
        "sheetId": 7,
        "index": 0,
        "gridProperties": {"rowCount": 5, "columnCount": 2, "frozenRowCount": 1},
        "tabColor": color,
    }
    [reply] = api.batch({"addSheet": {"properties": given}})
    assert reply["addSheet"]["properties"] == {
        **given,
        "sheetType": "GRID",
        "tabColorStyle": {"rgbColor": color},
    }
    assert titles(api) == ["First", "Sheet1"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"addSheet": {"properties": {"title": "Sheet1"}}}, 'addSheet: A sheet with the name "Sheet1" already exists. Please enter another name.'),
        ({"deleteSheet": {"sheetId": 0}}, "deleteSheet: You can't remove all the sheets in a document."),
        ({"deleteSheet": {"sheetId": 5}}, "deleteSheet: No sheet with id: 5"),
        (set_properties("hidden", hidden=True), "updateSheetProperties: You can't hide all the sheets in a document."),
        (set_properties(""), "updateSheetProperties: At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"),
    ],
)  # fmt: skip
def test_refusals_name_the_request(api: Api, request_: dict, message: str):
    assert api.refused(request_) == f"Invalid requests[0].{message}"


def test_an_invalid_request_undoes_those_before_it(api: Api):
    api.put("A1", [["before"]])
    before = api.get(includeGridData="true")
    message = api.refused(
        {"addSheet": {"properties": {"title": "New"}}},
        {"appendCells": {"sheetId": 0, "rows": [{"values": [{"note": "x"}]}], "fields": "*"}},
        {"insertDimension": {"range": rows(0, 3)}},
        {"deleteSheet": {"sheetId": 99}},
    )
    assert message == "Invalid requests[3].deleteSheet: No sheet with id: 99"
    assert api.get(includeGridData="true") == before


def test_tabs_move_to_before_the_one_at_the_index(new_api):
    api = new_api("S1", "S2", "S3")
    first = api.sheet("properties.sheetId")["properties"]["sheetId"]
    assert first == 0
    api.batch(set_properties("index", index=2))
    assert titles(api) == ["S2", "S1", "S3"]


def test_sizes_are_set_and_cut_what_lies_outside(api: Api):
    api.put("A1", [["a", "b"], ["c", "d"]])
    api.batch(set_properties("gridProperties(rowCount,columnCount)", gridProperties={"rowCount": 1, "columnCount": 1}))
    api.batch(set_properties("gridProperties.rowCount", gridProperties={"rowCount": 2}))
    assert api.values("Sheet1") == [["a"]]
    assert api.sheet("properties.gridProperties")["properties"]["gridProperties"] == {"rowCount": 2, "columnCount": 1}


def test_snake_case_and_slashes_are_understood_in_fields(api: Api):
    api.batch(
        set_properties("grid_properties/frozen_row_count,title", title="New", gridProperties={"frozenRowCount": 2})
    )
    assert api.sheet("properties")["properties"]["gridProperties"]["frozenRowCount"] == 2
    assert titles(api) == ["New"]


def test_rows_are_checked_against_the_limit_before_columns(api: Api):
    grid_properties = {"rowCount": 500_000, "columnCount": 4}
    message = api.refused(set_properties("gridProperties(rowCount,columnCount)", gridProperties=grid_properties))
    text = "This action would increase the number of cells in the workbook above the limit of 10000000 cells."
    assert message == f"Invalid requests[0].updateSheetProperties: {text}"


def test_a_copy_has_the_cells_and_not_the_developer_metadata(api: Api):
    api.type("A1", [["x", "=A1"]])
    location = {"dimensionRange": rows(0, 1)}
    metadata = {"metadataKey": "k", "visibility": "DOCUMENT", "location": location}
    api.batch({"createDeveloperMetadata": {"developerMetadata": metadata}})
    [reply] = api.batch({"duplicateSheet": {"sourceSheetId": 0, "newSheetName": "Copy", "insertSheetIndex": 1}})
    assert reply["duplicateSheet"]["properties"]["index"] == 1
    api.put("Sheet1!A1", [["changed"]])
    assert api.values("Copy") == [["x", "x"]]
    found = api.call(
        "POST", "/developerMetadata:search", {"dataFilters": [{"developerMetadataLookup": {"metadataKey": "k"}}]}
    )
    assert len(found["matchedDeveloperMetadata"]) == 1


def test_what_has_an_id_gets_another_in_the_copy(api: Api):
    area = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 2, "startColumnIndex": 0, "endColumnIndex": 1}
    api.batch({"addFilterView": {"filter": {"range": area}}}, {"addTable": {"table": {"name": "T", "range": area}}})
    api.batch({"duplicateSheet": {"sourceSheetId": 0, "insertSheetIndex": 1}})
    first, second = api.get("sheets(filterViews.filterViewId,tables(tableId,name))")["sheets"]
    assert first["filterViews"] != second["filterViews"]
    assert [first["tables"][0][name] != second["tables"][0][name] for name in ("tableId", "name")] == [True, True]


def test_a_tab_can_be_copied_to_another_spreadsheet(new_api):
    source, target = new_api("From"), new_api("To")
    source.type("A1", [["$5"]])
    body = {"destinationSpreadsheetId": target.spreadsheet_id}
    copied = source.call("POST", "/sheets/0:copyTo", body)
    assert (copied["title"], copied["index"]) == ("Copy of From", 1)
    assert target.values("'Copy of From'!A1") == [["$5"]]


def test_formulas_follow_a_renamed_and_show_a_deleted_tab(new_api):
    api = new_api("A", "B")
    other = api.sheet("properties.sheetId", 1)["properties"]["sheetId"]
    api.put("B!A1", [[21]])
    api.type("A!A1", [["=B!A1*2"]])
    api.batch({"updateSheetProperties": {"properties": {"sheetId": other, "title": "New name"}, "fields": "title"}})
    assert api.values("A!A1", valueRenderOption="FORMULA") == [["='New name'!A1*2"]]
    assert api.values("A!A1") == [["42"]]
    api.batch({"deleteSheet": {"sheetId": other}})
    assert api.values("A!A1") == [["#REF!"]]


def test_the_spreadsheet_has_properties_of_its_own(api: Api):
    properties = {"title": "New title", "locale": "de_DE", "timeZone": "Europe/Berlin"}
    api.batch({"updateSpreadsheetProperties": {"properties": properties, "fields": "title,locale,timeZone"}})
    assert api.get("properties(title,locale,timeZone)")["properties"] == properties
    api.put("A1", [[1.5]])
    assert api.values("A1") == [["1,5"]]


def test_a_batch_can_answer_with_the_spreadsheet(api: Api):
    request_ = {"requests": [{"addSheet": {"properties": {"title": "New"}}}], "includeSpreadsheetInResponse": True}
    answer = api.call(
        "POST", ":batchUpdate", {**request_, "responseRanges": ["New!A1:B2"], "responseIncludeGridData": True}
    )
    [sheet] = answer["updatedSpreadsheet"]["sheets"]
    assert sheet["properties"]["title"] == "New"
    assert len(sheet["data"][0]["rowMetadata"]) == 2


def test_request_kinds_that_are_not_there_are_refused(api: Api):
    message = api.refused({"addDataSource": {}})
    assert message == "Invalid requests[0].addDataSource: Local Sheets does not carry out addDataSource requests."


def test_an_empty_batch_is_refused(api: Api):
    assert api.refused() == "Must specify at least one request."
