"""Formulas through the API: their results are in every answer, also in that of the request that wrote them."""

PATH = "/values/Sheet1!{}"


def write(api, cell, rows, **query):
    path = f"/{api.spreadsheet_id}{PATH.format(cell)}"
    return api.send("PUT", path, {"values": rows}, valueInputOption="USER_ENTERED", **query).json()


def read(api, cells, **query):
    return api.send("GET", f"/{api.spreadsheet_id}{PATH.format(cells)}", **query).json().get("values")


def test_the_answer_to_an_update_shows_the_results(api):
    answer = write(api, "A1", [["5", "=A1*2", "=TODAY()-TODAY()"]], includeValuesInResponse="true")
    assert answer["updatedData"]["values"] == [["5", "10", "0"]]


def test_the_answer_to_a_batch_shows_the_results(api):
    cells = [{"userEnteredValue": {"numberValue": 7}}, {"userEnteredValue": {"formulaValue": "=A1+1"}}]
    start = {"sheetId": 0, "rowIndex": 0, "columnIndex": 0}
    request = {"updateCells": {"rows": [{"values": cells}], "fields": "userEnteredValue", "start": start}}
    body = {"requests": [request], "includeSpreadsheetInResponse": True, "responseIncludeGridData": True}
    answer = api.send("POST", f"/{api.spreadsheet_id}:batchUpdate", body).json()
    row = answer["updatedSpreadsheet"]["sheets"][0]["data"][0]["rowData"][0]["values"]
    assert [cell["effectiveValue"] for cell in row] == [{"numberValue": 7}, {"numberValue": 8}]


def test_a_refused_batch_leaves_results_as_they_were(api):
    write(api, "A1", [["1", "=A1+1"]])
    clear = {
        "updateCells": {"range": {"sheetId": 0, "endRowIndex": 1, "endColumnIndex": 1}, "fields": "userEnteredValue"}
    }
    bad = {"requests": [clear, {"deleteSheet": {"sheetId": 99}}], "includeSpreadsheetInResponse": True}
    assert api.send("POST", f"/{api.spreadsheet_id}:batchUpdate", bad).status_code == 400
    assert read(api, "A1:B1") == [["1", "2"]]
    write(api, "A1", [["4"]])
    assert read(api, "A1:B1") == [["4", "5"]]


def test_errors_are_shown_and_come_through(api):
    write(api, "A1", [["=1/0", "=FOO()", "=A1+1", "=IFERROR(A1,0)", "=E1"]])
    assert read(api, "A1:E1") == [["#DIV/0!", "#NAME?", "#DIV/0!", "0", "#REF!"]]
    assert read(api, "A1:B1", valueRenderOption="FORMULA") == [["=1/0", "=FOO()"]]


def test_results_spill_and_find_their_way_blocked(api):
    write(api, "A1", [["=SEQUENCE(2,2)"]])
    assert read(api, "A1:B2") == [["1", "2"], ["3", "4"]]
    write(api, "B2", [["x"]])
    assert read(api, "A1:B2") == [["#REF!"], ["", "x"]]
    write(api, "B2", [[""]])
    assert read(api, "A1:B2") == [["1", "2"], ["3", "4"]]


def test_dates_stay_dates_through_formulas(api):
    write(api, "A1", [["2020-01-31", "=A1+1", "=DATE(2021,2,3)", "=B1-A1"]])
    assert read(api, "A1:D1") == [["2020-01-31", "2020-02-01", "2/3/2021", "1"]]
    assert read(api, "B1", valueRenderOption="UNFORMATTED_VALUE") == [[43862]]


def test_dates_beside_formulas_are_shown_as_asked_for(api):
    write(api, "A1", [["2020-01-31", "=A1+1"]])
    formula = {"valueRenderOption": "FORMULA"}
    assert read(api, "A1:B1", **formula) == [[43861, "=A1+1"]]
    assert read(api, "A1:B1", **formula, dateTimeRenderOption="FORMATTED_STRING") == [["2020-01-31", "=A1+1"]]
