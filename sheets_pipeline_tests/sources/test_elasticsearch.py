"""What is told of a server of Elasticsearch or OpenSearch that refuses, and what never is."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from osmem_server import OsmemServer

from sheets_pipeline.errors import SourceStoreError
from sheets_pipeline.sources import elasticsearch_client
from sheets_pipeline.sources.elasticsearch import ElasticsearchStore
from sheets_pipeline.sources.elasticsearch_client import ElasticsearchClient
from sheets_pipeline.sources.elasticsearch_indices import CHUNKS, ROWS
from sheets_pipeline_tests.sources.contents import people


class _Scripted(BaseHTTPRequestHandler):
    """Answers as it is told, one after the other, the last one for ever; keeps what was asked."""

    answers: list[tuple[int, object]]
    asked: list[tuple[str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.headers["Authorization"], body))
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[_Scripted], str]]:
    monkeypatch.setattr(elasticsearch_client, "_FIRST_WAIT", 0.001)
    _Scripted.answers, _Scripted.asked = [], []
    with HTTPServer(("127.0.0.1", 0), _Scripted) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield _Scripted, f"127.0.0.1:{server.server_port}"
        server.shutdown()


def _item(status: int, kind: str = "") -> dict[str, object]:
    error = {"error": {"type": kind, "reason": "of field [cells] in document, value: 'Ada'"}} if kind else {}
    return {"create": {"_id": "s:1", "status": status, **error}}


@pytest.fixture(scope="module")
def osmem() -> Iterator[str]:
    with OsmemServer.start(japanese=False) as server:
        yield server.url


def test_a_field_that_no_mapping_names_is_refused_and_told_without_its_value(osmem: str):
    store = ElasticsearchStore(osmem)
    items = [({"create": {"_index": ROWS, "_id": f"s:{n}"}}, {"source": "s", "surprise": "Ada"}) for n in range(7)]
    with pytest.raises(
        SourceStoreError, match=r"refused 7 of 7 documents: 7 x strict_dynamic_mapping_exception"
    ) as told:
        store.client.bulk(items)
    assert "s:0, s:1, s:2, s:3, s:4." in str(told.value)
    assert "Ada" not in str(told.value)


def test_no_version_is_made_of_documents_that_do_not_show(osmem: str, monkeypatch: pytest.MonkeyPatch):
    store = ElasticsearchStore(osmem)
    asked = store.client.ask

    def ask(method: str, path: str, body: object = None, **options: object) -> object:
        return {"count": 2} if path == f"/{ROWS}/_count" else asked(method, path, body, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(store.client, "ask", ask)
    with pytest.raises(
        SourceStoreError, match="took 3 documents of source 'lost' and shows 2 of them, so no version was made"
    ):
        store.put("lost", people(3))
    assert store.latest("lost") is None


def test_what_a_killed_writer_left_goes_later(osmem: str, monkeypatch: pytest.MonkeyPatch):
    store = ElasticsearchStore(osmem)
    store.put("killed", people(3))
    with monkeypatch.context() as patch:
        patch.setattr(store, "_make", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.put("killed", people(90))
    assert store.search("ada", source="killed", limit=9)[-1].number == 2
    store.put("killed", people(4))
    monkeypatch.setattr("sheets_pipeline.sources.elasticsearch._ON_ITS_WAY", timedelta(0))
    store.forget("killed", keep=1)
    store.client.ask("POST", f"/{ROWS},{CHUNKS}/_refresh")
    query = {"query": {"term": {"source": "killed"}}}
    assert [store.client.ask("POST", f"/{index}/_count", query)["count"] for index in (ROWS, CHUNKS)] == [4, 1]


def test_a_server_that_is_busy_is_asked_again_for_what_it_refused(scripted: tuple[type[_Scripted], str]):
    server, host = scripted
    busy = {"items": [_item(201), _item(429, "es_rejected_execution_exception"), _item(409, "version_conflict")]}
    server.answers = [(503, {}), (200, busy), (200, {"items": [_item(201)]})]
    items = [({"create": {"_id": n}}, {"n": n}) for n in range(3)]
    assert ElasticsearchClient(f"http://{host}").bulk(items) == 2
    assert [body.count(b"create") for _, body in server.asked] == [3, 3, 1]


def test_what_a_server_says_of_a_refusal_is_told_without_what_was_sent(scripted: tuple[type[_Scripted], str]):
    server, host = scripted
    server.answers = [(400, {"error": {"type": "parsing_exception", "reason": "at 'Ada'"}})]
    with pytest.raises(SourceStoreError, match="refused a request: HTTP 400, parsing_exception") as told:
        ElasticsearchClient(f"http://{host}").ask("POST", "/_search", {"query": "Ada"})
    assert "Ada" not in str(told.value)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("me:s%40cret@", "Basic " + base64.b64encode(b"me:s@cret").decode()),
        ("api_key:s%40cret@", "ApiKey s@cret"),
        ("", None),
    ],
)
def test_who_we_are_stands_in_the_address_and_in_no_message(
    scripted: tuple[type[_Scripted], str], user: str, header: str | None
):
    server, host = scripted
    server.answers = [(401, {"error": "s@cret"})]
    with pytest.raises(SourceStoreError, match=r"does not let us in \(HTTP 401\)") as told:
        ElasticsearchClient(f"http://{user}{host}").ask("POST", "/_count")
    assert server.asked[0][0] == header
    with pytest.raises(SourceStoreError, match="cannot be reached") as away:
        ElasticsearchClient(f"http://{user}127.0.0.1:9").ask("POST", "/_count")
    assert away.value.is_transient
    for text in (str(told.value), str(away.value)):
        assert "cret" not in text
