"""How answers travel: JSON forms, compression, who may ask; log, statistics and events."""

import json
import threading
import time
import urllib.request

import pytest
import requests

from local_sheets_tests.api_client import Api


def raw(api: Api, path: str = "", headers: dict | None = None) -> requests.Response:
    url = f"{api.server.endpoint}/v4/spreadsheets/{api.spreadsheet_id}{path}"
    return requests.get(url, headers=headers, timeout=30)


def test_answers_are_indented_unless_asked_otherwise(api: Api):
    text = raw(api, "/values/A1").text
    assert text == '{\n  "range": "Sheet1!A1",\n  "majorDimension": "ROWS"\n}\n'
    assert raw(api, "/values/A1?prettyPrint=false").text == '{"range":"Sheet1!A1","majorDimension":"ROWS"}'
    assert raw(api, "/values/A1").headers["content-type"] == "application/json; charset=UTF-8"


def test_errors_have_googles_form(api: Api):
    answer = raw(api, "/values/Nope!A1")
    assert answer.json() == {
        "error": {"code": 400, "message": "Unable to parse range: Nope!A1", "status": "INVALID_ARGUMENT"}
    }
    listed = raw(api, "/values/Nope!A1?$.xgafv=1").json()["error"]["errors"]
    assert listed == [{"message": "Unable to parse range: Nope!A1", "domain": "global", "reason": "badRequest"}]


def test_large_answers_are_compressed_for_who_takes_it(api: Api):
    api.put("A1", [["x" * 1000]])
    assert raw(api, "/values/A1").headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in raw(api, "/values/A1", {"Accept-Encoding": "identity"}).headers


def test_a_path_without_a_method_is_not_found(api: Api):
    assert raw(api, "/nothing/here").status_code == 404


@pytest.mark.parametrize("quoted", ["Sheet1!A1%3AB2", "Sheet1%21A1:B2", "Sheet1!A1:B2"])
def test_colons_may_be_quoted(api: Api, quoted: str):
    assert raw(api, f"/values/{quoted}").json()["range"] == "Sheet1!A1:B2"


def test_titles_may_hold_slashes_and_colons(new_api):
    api = new_api("a/b:clear")
    api.put("'a/b:clear'!A1", [["x"]])
    url = f"{api.server.endpoint}/v4/spreadsheets/{api.spreadsheet_id}/values/'a%2Fb%3Aclear'!A1"
    assert requests.get(url, timeout=30).json()["values"] == [["x"]]


def test_foreign_hosts_and_origins_are_refused(api: Api):
    assert raw(api, headers={"Host": "evil.example"}).status_code == 403
    assert raw(api, headers={"Origin": "http://evil.example"}).status_code == 403
    assert raw(api, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}).status_code == 403
    assert raw(api, "?callback=steal").status_code == 400
    assert raw(api, headers={"Origin": api.server.endpoint}).status_code == 200
    assert raw(api, headers={"Host": f"localhost:{api.server.port}"}).status_code == 200


def test_the_log_says_what_was_asked_and_what_came_of_it(local_sheets):
    api = Api(local_sheets)
    api.put("A1", [[1, 2], [3, 4]])
    api.values("A1:B2")
    api.error("GET", "/values/Nope!A1")
    wrote, read, refused = local_sheets.requests()
    assert (wrote["method"], wrote["summary"], wrote["cells"]) == (
        "sheets.spreadsheets.values.update",
        "Sheet1!A1:B2",
        4,
    )
    assert (read["summary"], read["cells"], read["status"], read["kind"]) == ("Sheet1!A1:B2", 4, 200, "read")
    assert refused["status"] == 400
    assert all(one["bytes_out"] > 0 and one["milliseconds"] > 0 for one in (wrote, read, refused))
    stats = local_sheets.stats()
    assert (stats["reads_last_minute"], stats["writes_last_minute"]) == (2, 1)
    assert (stats["totals"]["cells_written"], stats["totals"]["cells_read"]) == (4, 4)
    assert stats["by_status"] == {"200": 2, "400": 1}
    local_sheets.reset_stats()
    assert local_sheets.requests() == []
    assert local_sheets.stats()["totals"]["writes"] == 0


def test_changes_are_told_as_they_happen(api: Api):
    heard: list[dict] = []
    url = f"{api.server.endpoint}/_local/events?spreadsheetId={api.spreadsheet_id}&kinds=change"
    ready = threading.Event()

    def listen() -> None:
        with urllib.request.urlopen(url, timeout=30) as stream:
            for line in stream:
                ready.set()
                if line.startswith(b"data: "):
                    heard.append(json.loads(line[6:]))
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    assert ready.wait(30)
    api.type("B2", [[5, "=B2*2"]])
    listener.join(30)
    [message] = heard
    assert message["spreadsheetId"] == api.spreadsheet_id
    assert message["sheets"] == [{"sheetId": 0, "ranges": [[1, 2, 1, 3], [1, 2, 2, 3]], "kinds": ["values", "results"]}]


def test_answers_can_be_made_to_wait(new_local_sheets):
    api = Api(new_local_sheets(latency_ms=150))
    started = time.monotonic()
    api.values("A1")
    assert time.monotonic() - started >= 0.15


@pytest.mark.parametrize("options", [("--quota=nonsense",), ("--auth=maybe",)])
def test_wrong_options_are_refused(new_local_sheets, options: tuple[str]):
    with pytest.raises(RuntimeError, match="did not start"):
        new_local_sheets(options=options)


def test_a_body_that_cannot_be_read_is_told(api: Api):
    for path, body in (("/_local/faults", b"{"), ("/_local/quota", b"{}"), ("/_local/spreadsheets", b"[]")):
        method = "PUT" if path.endswith("quota") else "POST"
        answer = requests.request(method, api.server.endpoint + path, data=body, timeout=30)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize("depth", [300, 2_000, 20_000])
@pytest.mark.parametrize(
    "mask", ["{open}a{close}", "{dotted}", "{slashed}", "sheets({open}properties{close})", "{open}", "sheets({snake}"]
)
def test_deep_field_masks_are_refused(api: Api, depth: int, mask: str):
    fields = mask.format(
        open="a(" * depth,
        close=")" * depth,
        dotted="a." * depth + "a",
        slashed="a/" * depth + "a",
        snake="a_b." * depth,
    )
    url = f"{api.server.endpoint}/v4/spreadsheets/{api.spreadsheet_id}"
    answer = requests.get(url, params={"fields": fields[:15_000]}, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    body = {"requests": [{"repeatCell": {"cell": {"note": "x"}, "fields": fields, "range": {"sheetId": 0}}}]}
    assert requests.post(f"{url}:batchUpdate", json=body, timeout=30).status_code == 400


@pytest.mark.parametrize("depth", [300, 900, 20_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}"), ('{"requests":[', "]}")])
def test_deep_bodies_are_refused(api: Api, depth: int, opened: str, closed: str):
    deep = opened * depth + "1" + closed * depth
    path = f"{api.server.endpoint}/v4/spreadsheets/{api.spreadsheet_id}"
    for method, url, body in (
        ("POST", f"{path}:batchUpdate", deep),
        ("POST", f"{path}:batchUpdate", '{"requests":' + deep + "}"),
        ("PUT", f"{path}/values/A1?valueInputOption=RAW", '{"values":[[' + deep + "]]}"),
        ("POST", f"{path}/values:batchUpdate", '{"data":' + deep + "}"),
        ("POST", f"{api.server.endpoint}/_local/faults", deep),
        ("POST", f"{api.server.endpoint}/token", deep),
    ):
        answer = requests.request(method, url, data=body, headers={"Content-Type": "application/json"}, timeout=30)
        assert answer.status_code == 400, (url, answer.text[:200])
    headers = {"Content-Type": "application/json"}
    assert (
        requests.post(f"{api.server.endpoint}/drive/v3/files", data=deep, headers=headers, timeout=30).status_code < 500
    )


@pytest.mark.parametrize("text", ["(" * 9000, "A1:" * 9000, "'" * 9001, "!" * 9000, "1" * 9000 + ":" + "1" * 9000])
def test_strange_ranges_are_refused(api: Api, text: str):
    assert raw(api, f"/values/{text}").status_code == 400
    assert raw(api, f"?ranges={text}").status_code == 400


def test_many_slashes_are_read_at_once(api: Api):
    started = time.monotonic()
    assert raw(api, "/" * 50_000 + "x").status_code == 404
    assert time.monotonic() - started < 10


def test_verbs_that_the_api_does_not_have_are_refused(api: Api):
    answer = requests.options(f"{api.server.endpoint}/v4/spreadsheets/{api.spreadsheet_id}", timeout=30)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST, PUT, DELETE, PATCH")
