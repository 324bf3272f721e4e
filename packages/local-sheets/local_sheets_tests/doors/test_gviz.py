"""Tests of packages/local-sheets/local_sheets/doors/gviz.py, gviz_request.py and gviz_answer.py."""

import json
from typing import Any

import pandas as pd
import pytest
import requests

from local_sheets_tests.api_client import Api

CHECKED_AGAINST = (
    "reference https://developers.google.com/chart/interactive/docs/dev/implementing_data_source",
    "client pandas",
)

ROWS: list[list[Any]] = [
    ["item", "cost", "day", "paid"],
    ["desk", 120.5, "2026-01-31", True],
    ["lamp", 9, "2026-02-01", False],
]


@pytest.fixture(scope="module")
def sheet(shared_server):
    api = Api(shared_server, "Plan", "Other", "Empty")
    api.type("Plan!A1", ROWS)
    api.type("Plan!B4", [["", "2026-02-02 10:30:00"]])
    api.type("Other!B2", [["x"], [5], ['=""'], ['=""']])
    return api


@pytest.fixture
def ask(sheet):
    def send(sent=None, /, **query):
        url = f"{sheet.server.endpoint}/spreadsheets/d/{sheet.spreadsheet_id}/gviz/tq"
        answer = requests.get(url, params=query, headers=sent, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer

    return send


@pytest.fixture
def asked(ask):
    return lambda **query: json.loads(ask({"X-DataSource-Auth": "true"}, **query).text.removeprefix(")]}'\n"))


def test_a_query_is_answered_as_a_call_with_json(ask):
    answer = ask(tq="select A, B where B > 100", tqx="reqId:7")
    start = "/*O_o*/\ngoogle.visualization.Query.setResponse("
    assert answer.text.startswith(start)
    assert answer.text.endswith(");")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert '{"v":120.5,"f":"120.5"}' in answer.text
    found = json.loads(answer.text.removeprefix(start).removesuffix(");"))
    assert (found["version"], found["reqId"], found["status"]) == ("0.6", "7", "ok")
    assert found["table"] == {
        "cols": [
            {"id": "A", "label": "item", "type": "string"},
            {"id": "B", "label": "cost", "type": "number", "pattern": "General"},
        ],
        "rows": [{"c": [{"v": "desk"}, {"v": 120.5, "f": "120.5"}]}],
        "parsedNumHeaders": 1,
    }


def test_with_the_header_the_json_stands_alone(ask):
    answer = ask({"X-DataSource-Auth": "any"}, tq="select B where A = 'lamp'")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.text.startswith(")]}'\n{")
    assert '"v":9.0,"f":"9"' in answer.text


def test_dates_blanks_and_truth_have_their_forms(asked):
    table = asked(tq="select A, B, C, D")["table"]
    assert [column["type"] for column in table["cols"]] == ["string", "number", "date", "boolean"]
    assert table["cols"][2]["pattern"]
    assert table["rows"][0]["c"][2]["v"] == "Date(2026,0,31)"
    assert table["rows"][0]["c"][3] == {"v": True, "f": "TRUE"}
    assert [cell and cell["v"] for cell in table["rows"][2]["c"]] == [None, None, "Date(2026,1,2)", None]
    moments = asked(range="C4", headers="0")["table"]
    assert moments["rows"] == [{"c": [{"v": "Date(2026,1,2,10,30,0)", "f": moments["rows"][0]["c"][0]["f"]}]}]


@pytest.mark.parametrize(
    ("query", "labels", "first"),
    [
        ({"sheet": "Other", "range": "B2:B3"}, ["x"], [5.0]),
        ({"sheet": "Other", "range": "B2:B3", "headers": "0", "tq": "select B limit 1"}, [""], [None]),
        ({"range": "Other!B3"}, [""], [5.0]),
        ({"sheet": "Gone", "tq": "select A limit 1"}, ["item"], ["desk"]),
        ({"headers": "2", "tq": "select A"}, ["item desk"], ["lamp"]),
        ({"tq": "select sum(B) label sum(B) 'all'"}, ["all"], [129.5]),
    ],
)
def test_tab_range_and_headers_choose_the_cells(asked, query, labels, first):
    table = asked(**query)["table"]
    assert [column["label"] for column in table["cols"]] == labels
    assert [cell and cell["v"] for cell in table["rows"][0]["c"]] == first


@pytest.mark.parametrize(
    ("query", "reason", "detail"),
    [
        ({"tq": "select Z"}, "invalid_query", "Invalid query: NO_COLUMN: Z"),
        ({"tq": "choose A"}, "invalid_query", "Invalid query: "),
        ({"gid": "12345"}, "invalid_query", "No sheet with id: 12345"),
        ({"gid": "x"}, "invalid_request", "gid must be"),
        ({"range": "nowhere"}, "invalid_query", "Unable to parse range: nowhere"),
        ({"range": "A9999"}, "invalid_query", "Invalid query: "),
        ({"headers": "many"}, "invalid_request", "headers must be"),
        ({"tqx": "reqId:1)//"}, "invalid_request", "reqId must be"),
        ({"tqx": "responseHandler:alert(1)"}, "invalid_request", "responseHandler must be"),
        ({"tqx": "responseHandler:a\nb"}, "invalid_request", "responseHandler must be"),
        ({"tqx": "out:pdf"}, "invalid_request", "out must be"),
    ],
)
def test_what_cannot_be_answered_is_said_with_status_200(ask, query, reason, detail):
    text = ask(**query).text
    start = "/*O_o*/\ngoogle.visualization.Query.setResponse("
    assert text.startswith(start)
    found = json.loads(text.removeprefix(start).removesuffix(");"))
    assert found["status"] == "error"
    [error] = found["errors"]
    assert (error["reason"], error["message"]) == (reason, reason.upper())
    assert detail in error["detailed_message"]


def test_rows_that_show_nothing_at_the_end_are_left_out(asked):
    assert len(asked(sheet="Other", range="B2:B9")["table"]["rows"]) == 1


def test_an_empty_tab_has_its_columns(asked):
    table = asked(sheet="Empty", range="B1:C5", tq="select C where B is not null")["table"]
    assert ([column["id"] for column in table["cols"]], table["rows"]) == (["C"], [])
    assert table["parsedNumHeaders"] == 0


def test_other_web_pages_cannot_run_the_answer(sheet, ask):
    assert ask().headers["cross-origin-resource-policy"] == "same-origin"
    url = f"{sheet.server.endpoint}/spreadsheets/d/{sheet.spreadsheet_id}/gviz/tq"
    assert requests.get(url, headers={"Sec-Fetch-Site": "cross-site"}, timeout=30).status_code == 403


def test_a_handler_of_ones_own_is_called(ask):
    assert ask(tqx="responseHandler:my.draw_$1").text.startswith("/*O_o*/\nmy.draw_$1({")


def test_an_answer_that_is_known_is_not_sent_again(asked):
    known = asked(tq="select A")["sig"]
    assert asked(tq="select A", tqx=f"sig:{known}")["errors"][0]["reason"] == "not_modified"


def test_other_outputs(ask):
    csv = ask(tq="select A, B limit 1", tqx="out:csv;outFileName:a\r\nb.csv")
    assert csv.text == '"item","cost"\n"desk","120.5"\n'
    assert csv.headers["content-disposition"] == 'attachment; filename="a%0D%0Ab.csv"'
    tsv = ask(tq="select A, B limit 1", tqx="out:tsv-excel")
    assert tsv.content.decode("utf-16") == '"item"\t"cost"\n"desk"\t"120.5"\n'
    page = ask(tq="select A limit 1 label A '<b>'", tqx="out:html")
    assert "&lt;b&gt;" in page.text
    assert page.headers["content-type"].startswith("text/html")
    assert "NO_COLUMN: Z" in ask(tq="select Z", tqx="out:html").text
    assert ask(tq="select Z", tqx="out:csv").text.startswith('"Error: INVALID_QUERY. ')


def test_pandas_reads_the_link(sheet):
    url = f"{sheet.server.endpoint}/spreadsheets/d/{sheet.spreadsheet_id}/gviz/tq?tqx=out:csv&sheet=Plan"
    found = pd.read_csv(url)
    assert list(found.columns) == ROWS[0]
    assert found["cost"].tolist()[:2] == [120.5, 9.0]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(503, "internal_error"), (403, "access_denied"), (404, "unknown_data_source_id"), (504, "timeout")],
)
def test_a_fault_is_told_as_the_protocol_has_it(sheet, asked, status, reason):
    sheet.server.faults(action="error", method="gviz.query", status=status, spreadsheet=sheet.spreadsheet_id)
    found = asked(tqx="reqId:3")
    assert (found["status"], found["reqId"], found["errors"][0]["reason"]) == ("error", "3", reason)
    assert asked()["status"] == "ok"
