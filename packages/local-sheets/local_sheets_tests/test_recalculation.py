"""Formulas after changes: what depends on what, spilled arrays, circles, results that outlive a restart."""

from local_sheets_tests.api_client import Api, grid


def test_results_follow_what_they_read_over_tabs_and_chains(new_api):
    api = new_api("A", "B")
    api.type("A!A1", [[1, "=A1*2", "=B1+B!A1"]])
    api.put("B!A1", [[10]])
    assert api.values("A!A1:C1") == [["1", "2", "12"]]
    api.put("A!A1", [[5]])
    assert api.values("A!A1:C1") == [["5", "10", "20"]]
    api.call("POST", "/values/B!A1:clear", {})
    assert api.values("A!C1") == [["10"]]


def test_an_array_spills_and_goes_with_its_formula(api: Api):
    api.type("A1", [["=SEQUENCE(2,2)"]])
    assert api.values("A1:B2") == [["1", "2"], ["3", "4"]]
    assert api.values("A1:B2", valueRenderOption="FORMULA") == [["=SEQUENCE(2,2)", 2], [3, 4]]
    assert api.cells("B2", "userEnteredValue,effectiveValue") == [[{"effectiveValue": {"numberValue": 4}}]]
    api.put("A1", [["text"]])
    assert api.values("A1:B2") == [["text"]]
    api.type("A1", [[True, "=A1"]])
    api.put("A1", [[1]])
    assert api.values("A1:B1") == [["1", "1"]]  # equal to TRUE, but another value


def test_an_array_waits_for_room(api: Api):
    api.put("B2", [["in the way"]])
    api.type("A1", [["=SEQUENCE(2,2)"]])
    assert api.values("A1") == [["#REF!"]]
    api.put("B2", [[""]])
    assert api.values("A1:B2") == [["1", "2"], ["3", "4"]]
    api.put("B1", [["again"]])
    assert api.values("A1:B2") == [["#REF!", "again"]]


def test_spilled_values_move_with_inserted_rows(api: Api):
    api.type("A1", [["=SEQUENCE(3)"]])
    span = {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    api.batch({"insertDimension": {"range": span}})
    assert api.values("A1:A4") == [[], ["1"], ["2"], ["3"]]


def test_a_circle_shows_an_error_and_heals(api: Api):
    api.type("A1", [["=B1+1", "=A1+1"]])
    assert api.values("A1:B1") == [["#REF!", "#REF!"]]
    api.put("B1", [[1]])
    assert api.values("A1:B1") == [["2", "1"]]


def test_unknown_functions_and_errors_show_as_such(api: Api):
    api.type("A1", [["=NOSUCH(1)", "=1/0", "=A1"]])
    assert api.values("A1:C1") == [["#NAME?", "#DIV/0!", "#NAME?"]]
    [[cell, *_]] = api.cells("A1:C1", "effectiveValue")
    assert cell["effectiveValue"]["errorValue"]["type"] == "NAME"


def test_a_refused_batch_leaves_results_as_they_were(api: Api):
    api.type("A1", [[1, "=A1*2"]])
    write = {"updateCells": {"range": grid(0, 1, 0, 1), "rows": [{"values": [{"userEnteredValue": {"numberValue": 9}}]}], "fields": "userEnteredValue"}}  # fmt: skip
    api.refused(write, {"deleteSheet": {"sheetId": 99}})
    assert api.values("A1:B1") == [["1", "2"]]
    api.batch(write)
    assert api.values("A1:B1") == [["9", "18"]]


def test_results_are_there_after_a_restart_and_go_on_following(local_sheets):
    api = Api(local_sheets)
    api.type("A1", [[1, "=A1*2", "=SEQUENCE(1,2)"]])
    local_sheets.kill()
    local_sheets.start()
    assert api.values("A1:D1") == [["1", "2", "1", "2"]]
    api.put("A1", [[4]])
    assert api.values("A1:D1") == [["4", "8", "1", "2"]]
