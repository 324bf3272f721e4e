"""spreadsheets.create, get, getByDataFilter; field masks on answers."""

import pytest

from local_sheets_tests.api_client import Api, grid

CHECKED_AGAINST = ("recording", "discovery")


def test_a_new_spreadsheet_has_googles_defaults(api: Api):
    created = api.send("POST", "", {}).json()
    assert len(created["spreadsheetId"]) == 44
    properties = created["properties"]
    assert (properties["title"], properties["locale"], properties["autoRecalc"], properties["timeZone"]) == (
        "Untitled spreadsheet",
        "en_US",
        "ON_CHANGE",
        "Etc/GMT",
    )
    assert properties["defaultFormat"]["textFormat"]["fontFamily"] == "arial,sans,sans-serif"
    assert [sheet["properties"] for sheet in created["sheets"]] == [
        {
            "sheetId": 0,
            "title": "Sheet1",
            "index": 0,
            "sheetType": "GRID",
            "gridProperties": {"rowCount": 1000, "columnCount": 26},
        }
    ]
    assert created["spreadsheetUrl"] == f"https://docs.google.com/spreadsheets/d/{created['spreadsheetId']}/edit"


def test_a_spreadsheet_is_created_with_tabs_and_cells(api: Api):
    cell = {"userEnteredValue": {"numberValue": 5}, "note": "n"}
    data = [{"startRow": 1, "startColumn": 1, "rowData": [{"values": [cell]}]}]
    body = {
        "properties": {"title": "T", "locale": "de_DE"},
        "sheets": [{"properties": {"title": "A"}, "data": data}, {}],
    }
    key = api.send("POST", "", body).json()["spreadsheetId"]
    found = api.send("GET", f"/{key}/values/A!B2", None, valueRenderOption="UNFORMATTED_VALUE").json()
    assert found["values"] == [[5]]
    titles = api.send("GET", f"/{key}", None, fields="sheets.properties.title").json()
    assert titles == {"sheets": [{"properties": {"title": "A"}}, {"properties": {"title": "Sheet2"}}]}


def test_grid_data_comes_when_asked_for(api: Api):
    api.put("B2", [["x"]])
    assert "data" not in api.get()["sheets"][0]
    data = api.get(includeGridData="true", ranges="B2:C3")["sheets"][0]["data"]
    assert [
        (one["startRow"], one["startColumn"], len(one["rowMetadata"]), len(one["columnMetadata"])) for one in data
    ] == [(1, 1, 2, 2)]
    assert data[0]["rowData"][0]["values"][0]["formattedValue"] == "x"


def test_ranges_choose_the_tabs_that_are_shown(new_api):
    api = new_api("A", "B", "C")
    found = api.get("sheets.properties.title", ranges=["B!A1", "C"])
    assert [sheet["properties"]["title"] for sheet in found["sheets"]] == ["B", "C"]
    error = api.error("GET", "", ranges="Nope!A1")
    assert error["message"] == "Unable to parse range: Nope!A1"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("namedRanges", {}),
        ("sheets.properties.hidden", {"sheets": [{"properties": {}}]}),
        ("sheets.data.rowData", {"sheets": [{"data": [{}]}]}),
        ("sheets(properties(sheetId,title))", {"sheets": [{"properties": {"sheetId": 0, "title": "Sheet1"}}]}),
        ("sheets/properties/sheet_id", {"sheets": [{"properties": {"sheetId": 0}}]}),
    ],
)
def test_a_mask_shows_what_it_names(api: Api, fields: str, expected: dict):
    assert api.get(fields) == expected


def test_an_unknown_field_of_a_mask_is_named(api: Api):
    error = api.error("GET", "", fields="sheets.sheetProperties")
    assert error["message"] == "Request contains an invalid argument."
    [detail] = error["details"]
    [violation] = detail["fieldViolations"]
    assert violation["description"] == (
        "Error expanding 'fields' parameter. Cannot find matching fields for path 'sheets.sheetProperties'."
    )


def test_filters_choose_what_get_by_data_filter_shows(api: Api):
    api.put("A1", [["a"], ["b"]])
    body = {"dataFilters": [{"gridRange": grid(1, 2, 0, 1)}], "includeGridData": True}
    found = api.call("POST", ":getByDataFilter", body)
    assert found["sheets"][0]["data"][0]["rowData"][0]["values"][0]["formattedValue"] == "b"


def test_an_unknown_spreadsheet_is_not_found(api: Api):
    answer = api.send("GET", "/1nope")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}
    }


def test_unknown_names_in_a_body_are_refused(api: Api):
    error = api.error("POST", ":batchUpdate", {"requests": [{"frobnicate": {}}]})
    assert (
        error["message"]
        == "Invalid JSON payload received. Unknown name \"frobnicate\" at 'requests[0]': Cannot find field."
    )


def test_the_copy_of_a_tab_is_answered_by_field_mask(api: Api):
    body = {"destinationSpreadsheetId": api.spreadsheet_id}
    assert api.call("POST", "/sheets/0:copyTo", body, fields="title,index") == {"title": "Copy of Sheet1", "index": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("locale", "zh_TW"),
        ("locale", "iw"),
        ("timeZone", "Asia/Kathmandu"),
        ("timeZone", "GMT+5"),
        ("timeZone", "GMT-07:00"),
    ],
)
def test_locales_and_time_zones_are_kept_as_they_are_spelled(api: Api, name, value):
    api.batch({"updateSpreadsheetProperties": {"properties": {name: value}, "fields": name}})
    assert api.get(f"properties.{name}") == {"properties": {name: value}}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("locale", "xx_XX", "Unsupported locale: xx_XX"),
        ("timeZone", "Mars/Phobos", "Unsupported time zone: Mars/Phobos"),
        ("timeZone", "GMT+25", "Unsupported time zone: GMT+25"),
        ("timeZone", "../etc/passwd", "Unsupported time zone: ../etc/passwd"),
    ],
)
def test_unknown_locales_and_time_zones_are_refused(api: Api, name, value, message):
    before = api.get("properties")
    request = {"updateSpreadsheetProperties": {"properties": {name: value}, "fields": name}}
    assert api.refused(request) == f"Invalid requests[0].updateSpreadsheetProperties: {message}"
    assert api.get("properties") == before
    created = api.send("POST", "", {"properties": {name: value}})
    assert (created.status_code, created.json()["error"]["message"]) == (400, f"Invalid properties: {message}")


def test_formulas_and_typed_text_follow_the_locale(api: Api):
    api.batch({"updateSpreadsheetProperties": {"properties": {"locale": "pl_PL", "timeZone": "GMT+14"}, "fields": "*"}})
    api.type("A1:C1", [["1,5", "=SUM(A1;0,5)", '=TEXT(45355;"mmmm")']])
    assert api.values("A1:C1") == [["1,5", "2", "marca"]]
