"""Connections to the Sheets API: shared by the clients of a process, opened before they are needed, never old."""

import os
from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from urllib3.connectionpool import HTTPConnectionPool

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.errors import SheetsUnavailable
from sheets_pipeline.sheets import connections as module
from sheets_pipeline.sheets.access import read_spreadsheet
from sheets_pipeline.sheets.client import NoQuota, SheetsClient
from sheets_pipeline.sheets.connections import Connections, connections
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline.testing import FAST


@pytest.fixture
def opened(sheets_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Connections to the server that were made; there are none before."""
    made: list[object] = []
    new = HTTPConnectionPool._new_conn

    def counted(pool: HTTPConnectionPool) -> object:
        made.append(pool)
        return new(pool)

    monkeypatch.setattr(HTTPConnectionPool, "_new_conn", counted)
    connections(sheets_server.endpoint).close()
    sheets_server.reset_stats()
    yield made
    connections(sheets_server.endpoint).close()


def new_client(server: LocalSheetsServer) -> SheetsClient:
    identity = Identity(AnonymousCredentials(), "robot@example.org")
    return SheetsClient(
        identity, server.create_spreadsheet("Test"), budget=NoQuota(), endpoint=server.endpoint, policy=FAST
    )


def test_clients_of_a_process_use_one_connection_that_was_opened_without_a_request(
    sheets_server: LocalSheetsServer, opened: list[object]
) -> None:
    first, second = new_client(sheets_server), new_client(sheets_server)
    sheets_server.reset_stats()
    first.open_ahead()
    assert len(opened) == 1
    totals = sheets_server.stats()["totals"]
    assert (totals["reads"], totals["writes"]) == (0, 0)
    for client in (first, second, first):
        assert read_spreadsheet(client).title == "Test"
    assert len(opened) == 1


def test_an_idle_connection_is_not_used_again(
    sheets_server: LocalSheetsServer, opened: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may be closing it at this moment, and nobody would know whether a write arrived."""
    client = new_client(sheets_server)
    read_spreadsheet(client)
    monkeypatch.setattr(module, "_LONGEST_IDLE_SECONDS", 0.0)
    read_spreadsheet(client)
    assert len(opened) == 2


def test_where_no_connection_can_be_opened_ahead_the_request_says_why() -> None:
    client = SheetsClient(
        Identity(AnonymousCredentials(), "robot@example.org"),
        "s",
        budget=NoQuota(),
        endpoint="http://127.0.0.1:9",
        policy=RetryPolicy(total_seconds=0),
    )
    client.open_ahead()
    with pytest.raises(SheetsUnavailable, match="SHEETS_API_ENDPOINT"):
        client.read()


def test_through_a_proxy_nothing_is_opened_ahead(
    sheets_server: LocalSheetsServer, opened: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = new_client(sheets_server)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    client.open_ahead()
    assert opened == []


def test_a_fork_begins_with_none() -> None:
    before = connections("http://fork.invalid")
    assert connections("http://fork.invalid") is before
    if (pid := os.fork()) == 0:
        is_new = isinstance(connections("http://fork.invalid"), Connections) and (
            connections("http://fork.invalid") is not before
        )
        os._exit(0 if is_new else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
