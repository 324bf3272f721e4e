"""Named and protected ranges, merges, filters, rules, banding, tables: kept, shown, changed and deleted."""

import pytest

from local_sheets_tests.api_client import Api, grid

CHECKED_AGAINST = ("recording",)

AREA = {"startRowIndex": 0, "endRowIndex": 3, "startColumnIndex": 0, "endColumnIndex": 2}


def test_named_ranges_are_used_in_ranges_and_formulas(api: Api):
    api.put("A1", [[1], [2]])
    [reply] = api.batch({"addNamedRange": {"namedRange": {"name": "Numbers", "range": grid(0, 2, 0, 1)}}})
    key = reply["addNamedRange"]["namedRange"]["namedRangeId"]
    assert api.values("Numbers") == [["1"], ["2"]]
    api.type("C1", [["=SUM(Numbers)"]])
    assert api.values("C1") == [["3"]]
    change = {"namedRangeId": key, "range": grid(0, 1, 0, 1)}
    api.batch({"updateNamedRange": {"namedRange": change, "fields": "range"}})
    assert api.values("Numbers") == [["1"]]
    api.batch({"deleteNamedRange": {"namedRangeId": key}})
    assert api.error("GET", "/values/Numbers")["message"] == "Unable to parse range: Numbers"


@pytest.mark.parametrize("name", ["A1", "two words", "", "R1C1", "1st"])
def test_a_name_must_be_a_word_that_is_no_cell(api: Api, name: str):
    message = api.refused({"addNamedRange": {"namedRange": {"name": name, "range": grid(0, 1)}}})
    assert message.startswith("Invalid requests[0].addNamedRange: ")


def test_merged_cells_keep_the_first_value(api: Api):
    api.put("A1", [["a", "b"], ["c", "d"]])
    api.batch({"mergeCells": {"range": grid(0, 2, 0, 2), "mergeType": "MERGE_ALL"}})
    assert api.values("A1:B2") == [["a"]]
    assert api.sheet("merges")["merges"] == [{**AREA, "endRowIndex": 2}]
    message = api.refused({"unmergeCells": {"range": grid(0, 1, 0, 2)}})
    assert (
        message
        == "Invalid requests[0].unmergeCells: You must select all cells in a merged range to merge or unmerge them."
    )
    api.batch({"unmergeCells": {"range": grid(0, 3, 0, 3)}})
    assert api.sheet("merges") == {}


@pytest.mark.parametrize(("kind", "count"), [("MERGE_ROWS", 3), ("MERGE_COLUMNS", 2)])
def test_cells_can_be_merged_by_row_or_column(api: Api, kind: str, count: int):
    api.batch({"mergeCells": {"range": grid(0, 3, 0, 2), "mergeType": kind}})
    assert len(api.sheet("merges")["merges"]) == count


def test_a_basic_filter_sorts_and_hides_rows(api: Api):
    api.put("A1", [["n", "t"], [3, "c"], [1, "a"], [2, "b"]])
    criteria = {"1": {"hiddenValues": ["b"]}}
    sort = [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]
    api.batch({"setBasicFilter": {"filter": {"range": grid(0, 4, 0, 2), "criteria": criteria, "sortSpecs": sort}}})
    assert api.values("A2:A4") == [["1"], ["2"], ["3"]]
    kept = api.sheet("basicFilter")["basicFilter"]
    assert kept["criteria"] == criteria
    assert kept["filterSpecs"] == [{"columnIndex": 1, "filterCriteria": criteria["1"]}]
    hidden = api.get("sheets.data.rowMetadata.hiddenByFilter", ranges="A1:A4")["sheets"][0]["data"][0]
    assert [one.get("hiddenByFilter", False) for one in hidden["rowMetadata"]] == [False, False, True, False]
    api.batch({"clearBasicFilter": {"sheetId": 0}})
    assert api.sheet("basicFilter") == {}
    hidden = api.get("sheets.data.rowMetadata.hiddenByFilter", ranges="A1:A4")["sheets"][0]["data"][0]
    assert not any(hidden["rowMetadata"])


@pytest.mark.parametrize(
    ("kind", "values", "shown"),
    [
        ("CUSTOM_FORMULA", ['=AND(B2>1,A2<>"c")'], "b"),
        ("NUMBER_GREATER", ["=AVERAGE(B$2:B$4)"], "c"),
        ("NUMBER_LESS", ["=$D$1"], "a"),
        ("DATE_BETWEEN", ["1900-01-01", "1900-01-02"], "bc"),
        ("NUMBER_NOT_BETWEEN", ["2", "3"], "a"),
    ],
)
def test_conditions_with_formulas_are_computed_for_each_row(api: Api, kind: str, values: list[str], shown: str):
    api.put("A1", [["t", "n", "", "=1+1"], ["a", 1], ["b", "=B2+1"], ["c", 3]], option="USER_ENTERED")
    condition = {"type": kind, "values": [{"userEnteredValue": one} for one in values]}
    api.batch({"setBasicFilter": {"filter": {"range": grid(0, 4, 0, 2), "criteria": {"1": {"condition": condition}}}}})
    found = api.get("sheets.data.rowMetadata.hiddenByFilter", ranges="A2:A4")["sheets"][0]["data"][0]["rowMetadata"]
    assert "".join(text for text, one in zip("abc", found, strict=True) if not one) == shown


def test_a_relative_date_is_one_of_today(api: Api):
    api.put("A1", [["d"], ["=TODAY()"], ["=TODAY()-40"]], option="USER_ENTERED")
    condition = {"type": "DATE_AFTER", "values": [{"relativeDate": "PAST_MONTH"}]}
    api.batch({"setBasicFilter": {"filter": {"range": grid(0, 3, 0, 1), "criteria": {"0": {"condition": condition}}}}})
    found = api.get("sheets.data.rowMetadata.hiddenByFilter", ranges="A2:A3")["sheets"][0]["data"][0]["rowMetadata"]
    assert found == [{}, {"hiddenByFilter": True}]


def test_filter_views_live_beside_each_other(api: Api):
    [reply] = api.batch({"addFilterView": {"filter": {"title": "Mine", "range": grid(0, 4, 0, 2)}}})
    key = reply["addFilterView"]["filter"]["filterViewId"]
    [reply] = api.batch({"duplicateFilterView": {"filterId": key}})
    copy = reply["duplicateFilterView"]["filter"]
    assert copy["title"] == "Copy of Mine"
    change = {"filterViewId": key, "title": "Ours"}
    api.batch(
        {"updateFilterView": {"filter": change, "fields": "title"}},
        {"deleteFilterView": {"filterId": copy["filterViewId"]}},
    )
    [left] = api.sheet("filterViews")["filterViews"]
    assert (left["title"], left["range"]["endRowIndex"]) == ("Ours", 4)


def test_conditional_formats_are_ordered(api: Api):
    def rule(text: str) -> dict:
        condition = {"type": "TEXT_EQ", "values": [{"userEnteredValue": text}]}
        form = {"backgroundColor": {"red": 1}}
        return {"ranges": [grid(0, 3, 0, 2)], "booleanRule": {"condition": condition, "format": form}}

    def texts() -> list[str]:
        kept = api.sheet("conditionalFormats").get("conditionalFormats", [])
        return [one["booleanRule"]["condition"]["values"][0]["userEnteredValue"] for one in kept]

    api.batch(*({"addConditionalFormatRule": {"rule": rule(text), "index": 0}} for text in "cba"))
    assert texts() == ["a", "b", "c"]
    [reply] = api.batch({"updateConditionalFormatRule": {"index": 1, "rule": rule("x")}})
    assert reply["updateConditionalFormatRule"]["oldRule"]["booleanRule"]["condition"]["values"] == [
        {"userEnteredValue": "b"}
    ]
    api.batch({"updateConditionalFormatRule": {"sheetId": 0, "index": 0, "newIndex": 2}})
    assert texts() == ["x", "c", "a"]
    [reply] = api.batch({"deleteConditionalFormatRule": {"sheetId": 0, "index": 1}})
    assert texts() == ["x", "a"]
    open_rule = {**rule("d"), "ranges": [{"sheetId": 0, "endRowIndex": 10}]}
    api.batch({"addConditionalFormatRule": {"rule": open_rule, "index": 0}})
    [reply] = api.batch({"deleteConditionalFormatRule": {"sheetId": 0, "index": 0}})
    width = {"startColumnIndex": 0, "endColumnIndex": 26}  # recorded: open sides are closed to the grid
    assert reply["deleteConditionalFormatRule"]["rule"]["ranges"] == [{"startRowIndex": 0, "endRowIndex": 10, **width}]
    message = api.refused({"deleteConditionalFormatRule": {"sheetId": 0, "index": 7}})
    assert message == "Invalid requests[0].deleteConditionalFormatRule: No conditional format on sheet: 0 at index: 7"


def test_banding_is_added_changed_and_deleted(api: Api):
    rows = {"firstBandColor": {"red": 1}, "secondBandColor": {"blue": 1}}
    [reply] = api.batch({"addBanding": {"bandedRange": {"range": grid(0, 3, 0, 2), "rowProperties": rows}}})
    banding = reply["addBanding"]["bandedRange"]
    assert banding["range"] == AREA
    assert banding["rowProperties"]["firstBandColorStyle"] == {"rgbColor": {"red": 1}}
    overlapping = {"addBanding": {"bandedRange": {"range": grid(0, 1), "rowProperties": rows}}}
    assert "already has alternating background colors" in api.refused(overlapping)
    change = {"bandedRangeId": banding["bandedRangeId"], "range": grid(5, 7, 0, 2)}
    api.batch({"updateBanding": {"bandedRange": change, "fields": "range"}})
    assert api.sheet("bandedRanges.range")["bandedRanges"][0]["range"]["startRowIndex"] == 5
    api.batch({"deleteBanding": {"bandedRangeId": banding["bandedRangeId"]}})
    assert api.sheet("bandedRanges") == {}


def test_tables_name_their_columns(api: Api):
    api.put("A1", [["id", ""], [1, 2]])
    columns = [{"columnIndex": 1, "columnName": "amount", "columnType": "DOUBLE"}]
    table = {"name": "Orders", "range": grid(0, 2, 0, 2), "columnProperties": columns}
    [reply] = api.batch({"addTable": {"table": table}})
    added = reply["addTable"]["table"]
    assert [one["columnName"] for one in added["columnProperties"]] == ["id", "amount"]
    assert api.values("A1:B1") == [["id", "amount"]]
    cells = [{"values": [{"userEnteredValue": {"numberValue": 3}}]}]
    api.batch({"appendCells": {"tableId": added["tableId"], "rows": cells, "fields": "userEnteredValue"}})
    assert api.values("A3") == [["3"]]
    formulas = ["=SUM(orders[amount])", "=ROWS(Orders[[#ALL],[id]:[Amount]])", '=SUM(Orders)&"Orders[id]"']
    api.type("D1", [formulas])
    columns[0]["columnName"] = "price"
    changed = {"tableId": added["tableId"], "name": "Sales", "columnProperties": columns}
    api.batch({"updateTable": {"table": changed, "fields": "name,columnProperties"}})
    assert api.values("D1:F1", valueRenderOption="FORMULA") == [
        ["=SUM(Sales[price])", "=ROWS(Sales[[#ALL],[id]:[price]])", '=SUM(Sales)&"Orders[id]"']
    ]
    assert api.values("D1:F1") == [["2", "3", "6Orders[id]"]]
    assert api.sheet("tables.name")["tables"] == [{"name": "Sales"}]
    api.batch({"deleteTable": {"tableId": added["tableId"]}})
    assert api.sheet("tables") == {}
    assert api.values("A1:B2") == []


def test_a_tables_header_names_its_columns(api: Api):
    api.put("A1", [["id", "amount"], [1, 2]])
    api.batch({"addTable": {"table": {"name": "Orders", "range": grid(0, 2, 0, 2)}}})
    api.type("E1", [["=SUM(Orders[amount])"]])
    api.put("B1", [["price"]])
    assert api.values("E1", valueRenderOption="FORMULA") == [["=SUM(Orders[price])"]]
    middle = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    api.batch({"insertDimension": {"range": middle, "inheritFromBefore": True}})
    assert api.values("A1:C1") == [["id", "Column 2", "price"]]
    assert api.values("F1") == [["2"]]
    api.batch({"deleteDimension": {"range": {**middle, "startIndex": 0, "endIndex": 1}}})
    api.put("A1", [["Price"]])  # another column's name
    [table] = api.sheet("tables.columnProperties")["tables"]
    assert table["columnProperties"] == [{"columnName": "Price"}, {"columnIndex": 1, "columnName": "price 2"}]
    assert api.values("E1", valueRenderOption="FORMULA") == [["=SUM(Orders[price 2])"]]


def test_charts_are_kept_moved_changed_and_deleted(api: Api):
    spec = {"title": "Sales", "basicChart": {"chartType": "LINE"}}
    at = {"anchorCell": {"sheetId": 0, "rowIndex": 2, "columnIndex": 3}}
    [reply] = api.batch({"addChart": {"chart": {"spec": spec, "position": {"overlayPosition": at}}}})
    chart = reply["addChart"]["chart"]
    assert chart["position"]["overlayPosition"]["anchorCell"] == {"rowIndex": 2, "columnIndex": 3}
    key = chart["chartId"]
    move = {"overlayPosition": {"anchorCell": {"sheetId": 0, "rowIndex": 7}, "widthPixels": 300}}
    [reply] = api.batch(
        {"updateEmbeddedObjectPosition": {"objectId": key, "newPosition": move, "fields": "anchorCell,widthPixels"}}
    )
    moved = reply["updateEmbeddedObjectPosition"]["position"]["overlayPosition"]
    assert (moved["anchorCell"], moved["widthPixels"], moved["heightPixels"]) == ({"rowIndex": 7}, 300, 371)
    api.batch({"updateChartSpec": {"chartId": key, "spec": {"title": "Costs"}}})
    [kept] = api.sheet("charts")["charts"]
    assert (kept["chartId"], kept["spec"], kept["position"]["overlayPosition"]) == (key, {"title": "Costs"}, moved)
    api.batch({"deleteEmbeddedObject": {"objectId": key}})
    assert api.sheet("charts") == {}
    assert api.refused({"deleteEmbeddedObject": {"objectId": key}}).endswith(f"No embedded object with id: {key}")


def test_slicers_are_kept_beside_charts(api: Api):
    spec = {"dataRange": grid(0, 5, 0, 2), "title": "S"}
    [reply] = api.batch({"addSlicer": {"slicer": {"spec": spec, "position": {}}}})
    key = reply["addSlicer"]["slicer"]["slicerId"]
    api.batch({"updateSlicerSpec": {"slicerId": key, "spec": {"title": "T"}, "fields": "title"}})
    [kept] = api.sheet("slicers")["slicers"]
    assert kept["spec"]["title"] == "T"
    assert kept["spec"]["dataRange"]["endRowIndex"] == 5
