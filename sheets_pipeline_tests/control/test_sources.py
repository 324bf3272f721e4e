"""Sources over HTTP, and their page in a real browser."""

import json
import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from sheets_pipeline.components import declarations, tab_asset
from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.yaml_nodes import Fault
from sheets_pipeline.database import source_tasks
from sheets_pipeline.runs import loaded_code
from sheets_pipeline.sources import reading as reading_module
from sheets_pipeline.sources.processing import process
from sheets_pipeline.sync.source import Source
from sheets_pipeline_tests.browser import OpenPage
from sheets_pipeline_tests.control.stage import Stage
from sheets_pipeline_tests.control.test_dashboard import PHONE, keep_messages

BROKEN = DeclaredSource("broken", "f.yaml", "/f.yaml", 7, faults=(Fault(7, "url is missing"),))


def declared(spreadsheet_id: str, name: str) -> DeclaredSource:
    source = Source(name, name.title(), spreadsheet_id, key=("policy",), tags=("law",))
    return DeclaredSource(name, "f.yaml", "/f.yaml", 1, source=source)


@pytest.fixture
def sources(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[DeclaredSource]]:
    """One of two versions, one that was never read, one that cannot be used."""
    monkeypatch.setattr(reading_module, "SETTLE_SECONDS", 0.01)
    pipeline = stage.pipeline
    spreadsheet = stage.server.create_spreadsheet("Somebody's")
    tab_asset.tab_assets()
    listed = [declared(spreadsheet, "policies"), declared(spreadsheet, "fresh"), BROKEN]
    monkeypatch.setattr(tab_asset._PROJECT, "sources", listed)
    for days in (30, 14):
        rows = [["policy", "days", "note"], ["GDPR", days, "<b>bold"], *[[f"P{i}", i, "x" * 90] for i in range(150)]]
        body = {"valueInputOption": "USER_ENTERED", "data": [{"range": "A1", "values": rows}]}
        stage.server.call("POST", f"/v4/spreadsheets/{spreadsheet}/values:batchUpdate", body)
        process(pipeline, listed[:1])
    yield listed
    with pipeline.state.begin() as connection:
        for table in (source_tasks.source_task, source_tasks.source_state):
            connection.execute(sa.delete(table))


def test_sources_are_told_searched_compared_and_asked_for(stage: Stage, sources: list[DeclaredSource]):
    policies, fresh, broken = stage.get("/sources")["sources"]
    assert (policies["state"], policies["rows"], policies["version"], len(policies["history"])) == (
        "completed",
        151,
        2,
        2,
    )
    assert (fresh["state"], fresh["rows"]) == ("new", None)
    assert (broken["state"], broken["error"]) == ("broken", "f.yaml, line 7: url is missing.")
    later, earlier = stage.get("/sources/versions", source="policies")["versions"]
    found = stage.get("/sources/diff", source="policies", before=earlier["content_hash"])
    assert (found["changed"], found["unchanged"]) == (1, 150)
    assert found["rows"][0]["changed"] == [{"column": "days", "before": "30", "after": "14"}]
    page = stage.get("/sources/rows", source="policies", content_hash=later["content_hash"][:9], offset=150)
    assert [row["number"] for row in page["rows"]] == [151]
    assert [row["cells"][0] for row in stage.get("/sources/search", text="gdpr bold")["rows"]] == ["GDPR"]
    assert stage.post("/sources/process", sources=["fresh"]).json() == {"asked": ["fresh"]}
    assert source_tasks.known(stage.pipeline.state)["fresh"].asked_at is not None
    assert stage.client.get("/sources/rows?source=fresh").status_code == 409  # there is no version of it yet
    for path in ("/sources/rows?source=nothing", "/sources/versions?source=polices"):
        answer = stage.client.get(path)
        assert answer.status_code == 404
        assert "There is no source" in answer.json()["error"]
    assert stage.get("/sync/status")["sources"]["broken"] == 1
    assert 'sheets_pipeline_sources{state="completed"} 1.0' in stage.client.get("/metrics").text
    assert [line["source"] for line in stage.get("/logs")["sources"]] == ["policies", "policies"]


@pytest.mark.browser
def test_a_source_is_opened_searched_and_compared_on_a_phone_too(
    stage: Stage, sources: list[DeclaredSource], open_page: OpenPage
):
    page = open_page(f"{stage.url}/dashboard/sources", **PHONE)
    expect(page.get_by_role("heading", level=1)).to_have_text("1 source could not be read")
    row = page.locator("#sources li[data-id=policies]")
    row.locator("summary").press("Enter")
    expect(row.locator(".grid").first).to_contain_text("<b>bold")
    expect(row.locator(".grid tbody tr")).to_have_count(100)
    row.get_by_role("button", name="More rows").click()
    expect(row.locator(".grid tbody tr")).to_have_count(51)
    row.get_by_role("button", name="Compare").click()
    expect(row.get_by_text("0 inserted, 1 changed, 0 deleted, 150 unchanged")).to_be_visible()
    expect(row.locator("ins")).to_have_text("14")
    page.get_by_label("Words").fill("GDPR")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text("1 row found")
    page.locator("#sources li[data-id=fresh] summary").click()
    keep_messages(page)
    page.locator("#sources li[data-id=fresh]").get_by_role("button", name="Read now").click()
    expect(page.get_by_text(re.compile("Fresh: read with the next run"))).to_be_visible()
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    low = "[...document.querySelectorAll('main button')].filter((e) => e.offsetHeight && e.offsetHeight < 30).length"
    assert page.evaluate(low) == 0


@pytest.mark.browser
def test_what_dagster_has_not_loaded_is_told_before_that_nothing_is_declared(
    stage: Stage, sources: list[DeclaredSource], open_page: OpenPage
):
    key, storage = loaded_code._key(stage.pipeline), stage.instance.daemon_cursor_storage
    page = open_page(f"{stage.url}/dashboard/sources")
    heading = page.get_by_role("heading", level=1)
    storage.set_cursor_values({key: json.dumps({"files": {"gone.yaml": "1"}, "titles": {}})})
    assert "deleted: gone.yaml" in stage.get("/sources")["stale_code"]
    expect(heading).to_have_text("1 source could not be read")  # which is worse
    sources.clear()
    expect(heading).to_have_text("Dagster has not loaded all that is declared")
    storage.set_cursor_values({key: json.dumps({"files": declarations.files(), "titles": {}})})
    expect(heading).to_have_text("No source is declared")
