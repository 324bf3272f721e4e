"""Versions put back into a tab."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.errors import GuardRefused, SourceProblem
from sheets_pipeline.sheets.protocol import Allowance, Writer
from sheets_pipeline.sources import restoring
from sheets_pipeline.sources.content import Content
from sheets_pipeline.sources.restoring import restore
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.testing import PEOPLE as PEOPLE_OF_TAB
from sheets_pipeline.testing import Bench
from sheets_pipeline_tests.sources.contents import PEOPLE, people, person
from sheets_pipeline_tests.sources.memory import KeptVersions


class _Restored:
    """A tab that versions are put back into."""

    def __init__(self, server: LocalSheetsServer) -> None:
        self.bench, self.store = Bench(server), KeptVersions()

    def put(self, content: Content, *key: str, **allowed: Any) -> SyncReport:
        version = self.store.version(content)
        return restore(self._writer, cast(Any, self.store), version, "Restored", key, Allowance(**allowed))

    def _writer(self, tab: Tab) -> Writer:
        self.bench.use(tab)
        return self.bench.writer


def test_a_version_is_put_back_with_its_types_and_only_what_differs_is_sent(platform_server: LocalSheetsServer):
    tab = _Restored(platform_server)
    planned = tab.put(people(3, person(1, "=1+1", note=Decimal("7.0"))), "id", dry_run=True)
    assert planned.inserts == 3
    assert "Restored" not in [sheet["properties"]["title"] for sheet in tab.bench.call("GET", "")["sheets"]]
    tab.put(people(3, person(1, "=1+1", note=Decimal("7.0"))), "id")
    header, _, row, _ = tab.bench.values()
    assert header == ["ID", "Name", "Score", "Born", "Seen", "At", "Active?", "Note", "empty"]
    assert row == [1, "=1+1", 1, 32_874, pytest.approx(46_053.5010446), "08:30:00", False, "7"]
    again = tab.put(people(3, person(1, "Grace", note=Decimal("7.0"))), "id")
    assert (again.inserts, again.updates, again.cells) == (0, 1, 1)


def test_without_a_key_rows_are_told_apart_by_their_number(platform_server: LocalSheetsServer):
    tab = _Restored(platform_server)
    tab.put(Content(PEOPLE, [person(1), person(1), person(2)]))
    assert [row[:2] for row in tab.bench.values()] == [["row_number", "ID"], [1, 1], [2, 1], [3, 2]]


def test_more_deletes_than_the_guard_allows_are_refused(platform_server: LocalSheetsServer):
    tab = _Restored(platform_server)
    tab.put(people(80), "id")
    with pytest.raises(GuardRefused):
        tab.put(people(1), "id")
    assert tab.put(people(1), "id", deletes=79).deletes == 79


def test_a_key_that_the_version_has_not_is_told(platform_server: LocalSheetsServer):
    with pytest.raises(SourceProblem, match="its key names nr; version 1 has id, name"):
        _Restored(platform_server).put(people(1), "nr")


def test_a_declared_tab_is_left_alone(platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch):
    tab = _Restored(platform_server)
    monkeypatch.setattr(
        restoring, "tab_assets", lambda: {"restored": SimpleNamespace(tab=replace(PEOPLE_OF_TAB, title="Restored"))}
    )
    with pytest.raises(
        SourceProblem, match=r"the tab 'Restored' is a declared one\. Give the restored rows another title"
    ):
        tab.put(people(1), "id")
