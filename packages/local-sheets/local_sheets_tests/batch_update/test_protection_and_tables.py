"""Protected ranges as others than their editors meet them; appendCells to a table; conditions, links, sizes of zero."""

import pytest

from local_sheets.api_error import ApiError
from local_sheets.batch_update.method import batch_update
from local_sheets.call import Call
from local_sheets.drive.query import read_query
from local_sheets.drive.routes import known_method
from local_sheets.engine import Engine
from local_sheets.spreadsheets_api.methods import create, get
from local_sheets_tests.api_client import Api, columns, grid, rows

OWNER, EDITOR, OTHER = "owner@x.org", "editor@x.org", "other@x.org"


@pytest.fixture
def engine(tmp_path):
    engine = Engine(tmp_path)
    yield engine
    engine.close()


def sheet_of(engine: Engine, protected: dict) -> str:
    body = {"sheets": [{"properties": {"title": "A"}}, {"properties": {"title": "B"}}]}
    spreadsheet_id = create(Call(engine, "", {}, {}, body, OWNER))["spreadsheetId"]
    for email in (EDITOR, OTHER):
        engine.open(spreadsheet_id).permissions.append(
            {"id": email, "type": "user", "role": "writer", "emailAddress": email}
        )
    item = {"range": protected, "editors": {"users": [EDITOR]}}
    change(engine, spreadsheet_id, OWNER, {"addProtectedRange": {"protectedRange": item}})
    return str(spreadsheet_id)


def change(engine: Engine, spreadsheet_id: str, who: str, *requests: dict) -> None:
    call = Call(engine, "", {"spreadsheetId": spreadsheet_id}, {}, {"requests": list(requests)}, who)
    engine.change(spreadsheet_id, lambda tx: batch_update(tx, call), editor=who)


TAB = {"updateSheetProperties": {"properties": {"sheetId": 0, "title": "New"}, "fields": "title"}}
CUT = {
    "updateSheetProperties": {
        "properties": {"sheetId": 0, "gridProperties": {"rowCount": 5}},
        "fields": "gridProperties.rowCount",
    }
}
CUT_COLUMNS = {
    "updateSheetProperties": {
        "properties": {"sheetId": 0, "gridProperties": {"columnCount": 1}},
        "fields": "gridProperties.columnCount",
    }
}
PART, WHOLE = grid(5, 10, 0, 3), {"sheetId": 0}
CELL = {"rows": [{"values": [{"userEnteredValue": {"stringValue": "x"}}]}], "fields": "userEnteredValue"}


@pytest.mark.parametrize(
    ("protected", "request_"),
    [
        (PART, {"deleteSheet": {"sheetId": 0}}),
        (PART, CUT),
        (PART, CUT_COLUMNS),
        (PART, {"deleteDimension": {"range": rows(6, 7)}}),
        (PART, {"deleteDimension": {"range": columns(1, 2)}}),
        (PART, {"moveDimension": {"source": rows(6, 7), "destinationIndex": 20}}),
        (PART, {"updateCells": {**CELL, "range": grid(6, 7, 1, 2)}}),
        (PART, {"mergeCells": {"range": grid(4, 6, 0, 2), "mergeType": "MERGE_ALL"}}),
        (PART, {"sortRange": {"range": grid(0, 9, 0, 2), "sortSpecs": [{"dimensionIndex": 0}]}}),
        (WHOLE, TAB),
        (WHOLE, {"deleteSheet": {"sheetId": 0}}),
        (WHOLE, {"insertDimension": {"range": rows(1, 2)}}),
        (WHOLE, {"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 1}}),
        (
            WHOLE,
            {"updateDimensionProperties": {"range": rows(0, 1), "properties": {"pixelSize": 5}, "fields": "pixelSize"}},
        ),
        (WHOLE, CUT),
    ],
)
def test_only_editors_change_what_is_protected(engine: Engine, protected: dict, request_: dict):
    spreadsheet_id = sheet_of(engine, protected)
    with pytest.raises(ApiError, match="You are trying to edit a protected cell or object"):
        change(engine, spreadsheet_id, OTHER, request_)
    change(engine, spreadsheet_id, EDITOR, request_)


def test_others_may_change_the_rest(engine: Engine):
    spreadsheet_id = sheet_of(engine, PART)
    enough = {
        "updateSheetProperties": {
            "properties": {"sheetId": 0, "gridProperties": {"rowCount": 10}},
            "fields": "gridProperties.rowCount",
        }
    }
    change(engine, spreadsheet_id, OTHER, enough, TAB, {"updateCells": {**CELL, "range": grid(0, 1, 0, 1)}})


@pytest.mark.parametrize(("who", "may_edit"), [(OWNER, True), (EDITOR, True), (OTHER, False)])
def test_a_protected_range_looks_different_to_others(engine: Engine, who: str, may_edit: bool):
    spreadsheet_id = sheet_of(engine, PART)
    answer = get(engine.open(spreadsheet_id), Call(engine, "", {}, {}, {}, who))
    [item] = answer["sheets"][0]["protectedRanges"]
    assert item.get("requestingUserCanEdit", False) is may_edit
    assert ("editors" in item) is may_edit


def test_a_table_goes_on_below_its_last_row_and_grows(api: Api):
    api.put("B2:C4", [["id", "name"], [1, "a"], ["", ""]])
    api.put("A5:C5", [["kept", "below", "too"]])
    api.batch({"addTable": {"table": {"tableId": "t", "name": "T", "range": grid(1, 4, 1, 3)}}})

    def append(*texts: str) -> None:
        new = [{"values": [{"userEnteredValue": {"stringValue": text}}]} for text in texts]
        api.batch({"appendCells": {"tableId": "t", "rows": new, "fields": "userEnteredValue"}})

    append("2")
    assert api.values("B2:C5") == [["id", "name"], ["1", "a"], ["2"], ["below", "too"]]
    append("3", "4")
    assert api.values("A2:C7") == [
        ["", "id", "name"],
        ["", "1", "a"],
        ["", "2"],
        ["kept", "3"],
        ["", "4"],
        ["", "below", "too"],
    ]
    assert api.sheet("tables")["tables"][0]["range"]["endRowIndex"] == 6
    wide = [{"values": [{"userEnteredValue": {"numberValue": 1}}] * 3}]
    assert "beyond the last requested column" in api.refused(
        {"appendCells": {"tableId": "t", "rows": wide, "fields": "userEnteredValue"}}
    )


def condition(kind: str, count: int) -> dict:
    return {"type": kind, "values": [{"userEnteredValue": str(number)} for number in range(count)]}


@pytest.mark.parametrize(
    ("kind", "count", "fits"),
    [
        ("NUMBER_BETWEEN", 1, False),
        ("NUMBER_BETWEEN", 2, True),
        ("DATE_NOT_BETWEEN", 3, False),
        ("NUMBER_GREATER", 0, False),
        ("TEXT_CONTAINS", 2, False),
        ("BLANK", 1, False),
        ("NOT_BLANK", 0, True),
        ("ONE_OF_LIST", 0, False),
        ("ONE_OF_LIST", 5, True),
        ("BOOLEAN", 3, False),
        ("BOOLEAN", 0, True),
        ("CUSTOM_FORMULA", 0, False),
    ],
)
def test_a_condition_takes_as_many_values_as_its_kind(api: Api, kind: str, count: int, fits: bool):
    given = condition(kind, count)
    for request in (
        {"setDataValidation": {"range": grid(0, 1, 0, 1), "rule": {"condition": given}}},
        {
            "repeatCell": {
                "range": grid(0, 1, 0, 1),
                "cell": {"dataValidation": {"condition": given}},
                "fields": "dataValidation",
            }
        },
    ):
        if fits:
            api.batch(request)
        else:
            kind_of_request = next(iter(request))
            assert f"Invalid requests[0].{kind_of_request}: ConditionType '{kind}' requires" in api.refused(request)


@pytest.mark.parametrize("name", ["rowCount", "columnCount"])
def test_no_tab_is_made_without_cells(api: Api, name: str):
    zero = {"title": "Usual", "gridProperties": {name: 0}}  # as Go's Iwark/spreadsheet always sends it
    [reply] = api.batch({"addSheet": {"properties": zero}})
    assert reply["addSheet"]["properties"]["gridProperties"] == {"rowCount": 1000, "columnCount": 26}
    properties = {"title": "T", "gridProperties": {name: -1}}
    answer = api.send("POST", "", {"sheets": [{"properties": properties}]})
    assert answer.status_code == 400
    assert f"Invalid sheets[0]: gridProperties.{name} must be greater than 0" in answer.json()["error"]["message"]
    api.refused({"addSheet": {"properties": properties}})


def test_a_colour_that_names_none_is_none(api: Api):
    red = {"rgbColor": {"red": 1}}

    def colour(style: dict) -> dict:
        api.batch(
            {"updateSheetProperties": {"properties": {"sheetId": 0, "tabColorStyle": style}, "fields": "tabColorStyle"}}
        )
        return api.sheet("properties")["properties"]

    assert colour(red)["tabColorStyle"] == red
    assert not {"tabColor", "tabColorStyle"} & colour({}).keys()
    made = api.send("POST", "", {"sheets": [{"properties": {"tabColorStyle": {}}}]}).json()
    assert "tabColorStyle" not in made["sheets"][0]["properties"]


def test_links_show_where_there_is_one(api: Api):
    def link(uri: str) -> dict:
        return {"link": {"uri": uri}}

    runs = [{"startIndex": 0, "format": link("http://a/")}, {"startIndex": 2, "format": link("http://b/")}]
    cells = [
        {"userEnteredValue": {"stringValue": "x"}, "userEnteredFormat": {"textFormat": link("http://a/")}},
        {"userEnteredValue": {"stringValue": "xxxx"}, "textFormatRuns": runs[:1]},
        {"userEnteredValue": {"stringValue": "xxxx"}, "textFormatRuns": runs},
        {"userEnteredValue": {"stringValue": "http://c/"}},
    ]
    api.batch({"updateCells": {"range": grid(0, 1, 0, 4), "rows": [{"values": cells}], "fields": "*"}})
    [found] = api.cells("A1:D1", "hyperlink")
    assert [cell.get("hyperlink") for cell in found] == ["http://a/", "http://a/", None, "http://c/"]


MINE = {"ownedByMe": True, "capabilities": {"canEdit": True}, "permissions": [], "properties": {"k": "v"}}
SHARED = {"ownedByMe": False, "capabilities": {}, "permissions": [{"type": "anyone"}], "appProperties": {"k": "v"}}


@pytest.mark.parametrize(
    ("query", "mine", "shared"),
    [
        ("'me' in owners", True, False),
        ("'me' in writers", True, False),
        ("'me' in readers", True, True),
        ("sharedWithMe", False, True),
        ("not sharedWithMe", True, False),
        ("sharedWithMe and trashed = false", False, True),
        ("sharedWithMe = false", True, False),
        ("properties has { key='k' and value='v' }", True, False),
        ("appProperties has { key='k' and value='v' }", False, True),
        ("properties has {key = 'k' and value = 'x'}", False, False),
        ("visibility = 'limited'", True, False),
        ("visibility='anyoneWithLink'", False, True),
        ("visibility != 'anyoneWithLink'", True, False),
    ],
)
def test_terms_of_drives_queries(query: str, mine: bool, shared: bool):
    assert (read_query(query)(MINE), read_query(query)(SHARED)) == (mine, shared)


def test_drives_version_and_time_move_with_each_change(api: Api):
    def seen() -> tuple[int, str]:
        found = api.session.get(
            f"{api.server.endpoint}/drive/v3/files/{api.spreadsheet_id}?fields=version,modifiedTime"
        ).json()
        return int(found["version"]), found["modifiedTime"]

    before = seen()
    api.put("A1", [["x"]])
    after = seen()
    assert after[0] > before[0]
    assert after[1] >= before[1]
    api.values("A1")
    assert seen() == after


@pytest.mark.parametrize("path", ["apps", "files/x/listLabels", "files/x/accessproposals"])
def test_methods_of_drive_that_are_not_there_say_so(api: Api, path: str):
    answer = api.session.get(f"{api.server.endpoint}/drive/v3/{path}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Local Sheets does not serve drive.")
    assert known_method("GET", "/drive/v3/nothing") is None
    assert api.session.get(f"{api.server.endpoint}/drive/v3/nothing").status_code == 404


def test_a_query_that_is_nested_too_deeply_is_refused(api: Api):
    for query in ("(" * 5000, "not " * 5000 + "trashed = true"):
        answer = api.session.get(f"{api.server.endpoint}/drive/v3/files", params={"q": query})
        assert answer.status_code == 400
