"""Developer metadata: created, found, changed and deleted; it travels with its row."""

import pytest

from local_sheets_tests.api_client import Api, grid, rows


def create(key: str, value: str, location: dict) -> dict:
    message = {"metadataKey": key, "metadataValue": value, "visibility": "DOCUMENT", "location": location}
    return {"createDeveloperMetadata": {"developerMetadata": message}}


def on_row(index: int) -> dict:
    return {"dimensionRange": rows(index, index + 1)}


def by_key(key: str) -> dict:
    return {"developerMetadataLookup": {"metadataKey": key}}


def row_of(api: Api, key: str) -> int | None:
    found = api.call("POST", "/developerMetadata:search", {"dataFilters": [by_key(key)]})
    matched = found.get("matchedDeveloperMetadata", [])
    if not matched:
        return None
    return matched[0]["developerMetadata"]["location"]["dimensionRange"].get("startIndex", 0)


def test_metadata_is_read_by_id(api: Api):
    [reply] = api.batch(create("k", "v", on_row(2)))
    created = reply["createDeveloperMetadata"]["developerMetadata"]
    assert created["location"] == {
        "locationType": "ROW",
        "dimensionRange": {"dimension": "ROWS", "startIndex": 2, "endIndex": 3},
    }
    assert api.call("GET", f"/developerMetadata/{created['metadataId']}") == created
    assert api.error("GET", "/developerMetadata/1")["status"] == "NOT_FOUND"


def test_it_travels_with_its_row_through_insert_move_and_sort(api: Api):
    api.put("A1", [[3], [1], [2]])
    api.batch(*(create(f"row {value}", "", on_row(index)) for index, value in enumerate([3, 1, 2])))
    sort = {"range": grid(0, 3), "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]}
    api.batch({"sortRange": sort})
    assert [row_of(api, f"row {value}") for value in (1, 2, 3)] == [0, 1, 2]
    api.batch({"insertDimension": {"range": rows(0, 5)}})
    api.batch({"moveDimension": {"source": rows(5, 6), "destinationIndex": 8}})
    assert [row_of(api, f"row {value}") for value in (1, 2, 3)] == [7, 5, 6]
    api.batch({"deleteDimension": {"range": rows(6, 7)}})
    assert [row_of(api, f"row {value}") for value in (1, 2, 3)] == [6, 5, None]


def test_values_are_read_and_written_where_metadata_is(api: Api):
    api.put("A1", [["a"], ["b", "c"]])
    api.batch(create("k", "v", on_row(1)))
    body = {"dataFilters": [by_key("k"), {"a1Range": "A1"}, {"gridRange": grid(1, 2, 1, 2)}]}
    answer = api.call("POST", "/values:batchGetByDataFilter", body)
    assert [one["valueRange"]["values"] for one in answer["valueRanges"]] == [[["b", "c"]], [["a"]], [["c"]]]
    data = [{"dataFilter": by_key("k"), "majorDimension": "ROWS", "values": [["new", None]]}]
    answer = api.call("POST", "/values:batchUpdateByDataFilter", {"valueInputOption": "RAW", "data": data})
    assert answer["totalUpdatedCells"] == 1
    assert api.values("A2:B2") == [["new", "c"]]
    answer = api.call("POST", "/values:batchClearByDataFilter", {"dataFilters": [by_key("k")]})
    assert answer["clearedRanges"] == ["Sheet1!A2:Z2"]
    assert api.values("A1:B2") == [["a"]]


def test_a_grid_range_with_only_a_sheet_id_is_the_whole_tab(api: Api):
    api.put("A1", [["a"]])
    answer = api.call("POST", "/values:batchGetByDataFilter", {"dataFilters": [{"gridRange": {"sheetId": 0}}]})
    assert answer["valueRanges"][0]["valueRange"]["range"] == "Sheet1!A1:Z1000"


@pytest.mark.parametrize(("location", "kind"), [({"spreadsheet": True}, "SPREADSHEET"), ({"sheetId": 0}, "SHEET")])
def test_it_can_be_on_the_spreadsheet_or_a_tab(api: Api, location: dict, kind: str):
    api.batch(create("k", "v", location))
    lookup = {"developerMetadataLookup": {"locationType": kind}}
    found = api.call("POST", "/developerMetadata:search", {"dataFilters": [lookup]})
    assert found["matchedDeveloperMetadata"][0]["developerMetadata"]["location"]["locationType"] == kind
    where = api.get() if kind == "SPREADSHEET" else api.sheet("developerMetadata")
    assert [one["metadataKey"] for one in where["developerMetadata"]] == ["k"]


def test_it_is_changed_moved_and_deleted(api: Api):
    api.batch(create("k", "v", on_row(1)))
    change = {"metadataValue": "w", "location": on_row(4)}
    [reply] = api.batch(
        {
            "updateDeveloperMetadata": {
                "dataFilters": [by_key("k")],
                "developerMetadata": change,
                "fields": "metadataValue,location",
            }
        }
    )
    assert reply["updateDeveloperMetadata"]["developerMetadata"][0]["metadataValue"] == "w"
    assert row_of(api, "k") == 4
    [reply] = api.batch({"deleteDeveloperMetadata": {"dataFilter": by_key("k")}})
    assert len(reply["deleteDeveloperMetadata"]["deletedDeveloperMetadata"]) == 1
    assert row_of(api, "k") is None


def test_lookups_narrow_down_by_place(api: Api):
    api.batch(create("k", "1", on_row(1)), create("k", "2", on_row(5)), create("k", "3", {"sheetId": 0}))
    exact = {"metadataKey": "k", "metadataLocation": on_row(5)}
    meeting = {**exact, "locationMatchingStrategy": "INTERSECTING_LOCATION"}

    def values(lookup: dict) -> list[str]:
        body = {"dataFilters": [{"developerMetadataLookup": lookup}]}
        found = api.call("POST", "/developerMetadata:search", body)["matchedDeveloperMetadata"]
        return sorted(one["developerMetadata"]["metadataValue"] for one in found)

    assert values(exact) == ["2"]
    assert values(meeting) == ["2", "3"]


def test_rows_show_their_metadata_in_grid_data(api: Api):
    api.batch(create("k", "v", on_row(1)))
    data = api.get("sheets.data.rowMetadata.developerMetadata.metadataKey", ranges="A1:A2")
    assert data["sheets"][0]["data"][0]["rowMetadata"] == [{}, {"developerMetadata": [{"metadataKey": "k"}]}]


def test_several_rows_cannot_share_one_piece(api: Api):
    message = api.refused(create("k", "v", {"dimensionRange": rows(0, 2)}))
    assert message.startswith("Invalid requests[0].createDeveloperMetadata: ")
