"""A tab that grows for ever: each row in exactly one tab, with what people put beside it, whatever happens."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.sheets.showing import TabShowing
from sheets_pipeline.sync.rules import WARNING
from sheets_pipeline.testing import new_database
from sheets_pipeline_tests.sheets.family import MAIN, NOW, Family, full_sync
from sheets_pipeline_tests.sheets.test_showing import NoNotes


@pytest.fixture
def family(sheets_server: LocalSheetsServer, postgres_server: Server, store_template: str) -> Iterator[Family]:
    """Up to 40 rows in the main tab, nothing submitted yet."""
    sheets_server.clear_faults()
    with new_database(postgres_server, store_template) as database_url:
        made = Family(sheets_server, database_url)
        yield made
        made.engine.dispose()
    sheets_server.clear_faults()


def assert_all_there(family: Family) -> None:
    """Each response stands in exactly one tab, the newest ones in the main tab."""
    seen = family.look()
    assert seen.doubled == []
    assert set(seen.home) == family.keys()
    boundary = family.writer().store.boundary()
    assert boundary.moving_to is None
    moments = family.writer().source.moments(family.keys())
    for key, title in seen.home.items():
        moment = moments[key]
        is_archived = boundary.since is not None and moment < boundary.since
        assert title == (f"{MAIN} {moment:%Y-%m}" if is_archived else MAIN)


def test_while_the_tab_is_small_there_are_no_archives(family: Family) -> None:
    family.submit(*range(0, 400, 10))
    assert family.sync().rows == 40
    assert list(family.look().tabs) == [MAIN]


def test_a_first_fill_puts_older_months_straight_into_archive_tabs(family: Family) -> None:
    family.submit(*range(0, 400, 2))
    report = family.sync()
    assert_all_there(family)
    seen = family.look()
    assert 20 <= len(seen.tabs[MAIN]) <= 40
    assert len(seen.tabs) > 10
    assert report.rows == len(seen.tabs[MAIN])
    assert sum(rows for rows, _ in report.archives.values()) == 200 - report.rows
    again = family.sync()
    assert (again.traffic.read_requests, again.traffic.write_requests, again.cells) == (1, 0, 0)


def test_archive_tabs_warn_of_what_is_typed_there_where_people_edit_the_main_tab(family: Family) -> None:
    family.submit(*range(0, 400, 2))
    writer = family.writer()
    writer.showing = TabShowing(writer.tab, writer.client, NoNotes())
    full_sync(writer, family.engine)
    sheets = family.call("GET", "?fields=sheets(properties.title,protectedRanges)")["sheets"]
    warned = {
        sheet["properties"]["title"]: sum(area["description"] == WARNING for area in sheet.get("protectedRanges", ()))
        for sheet in sheets
    }
    main, all_columns = warned.pop(MAIN), len(writer.tab.columns)
    assert 0 < main < all_columns
    assert len(warned) > 10
    assert {number for title, number in warned.items() if title.startswith(MAIN)} == {all_columns}
    report = full_sync(writer, family.engine)
    assert (report.traffic.read_requests, report.traffic.write_requests) == (1, 0)


def test_rows_move_with_notes_formulas_and_colours_when_the_tab_grows(family: Family) -> None:
    old = family.submit(*(25 + i / 2 for i in range(30)))
    family.sync()
    family.write_notes()
    count = len(old)
    family.put(f"{MAIN}!K1:K{count + 1}", [["double"], *([f"=A{row}*2"] for row in range(2, count + 2))])
    red = {"userEnteredFormat": {"backgroundColor": {"red": 1}}}
    span = {"sheetId": family.sheet_id(), "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 12}
    family.edit({"repeatCell": {"range": span, "cell": red, "fields": "userEnteredFormat.backgroundColor"}})
    family.submit(*(i / 2 for i in range(30)))
    report = family.sync()
    assert_all_there(family)
    assert report.moved_rows > 0
    seen = family.look()
    moved = [key for key in map(str, old) if seen.home[key] != MAIN]
    assert len(moved) == report.moved_rows
    for key in map(str, old):
        assert seen.note[key] == f"note {key}"
        assert seen.tabs[seen.home[key]][key][10] == str(2 * int(key))
    archive = seen.home[moved[0]]
    assert family.values(f"{archive}!K2", "FORMULA")[0][0] == "=A2*2"
    asked = f"?includeGridData=true&ranges={archive.replace(' ', '%20')}!A2:L2&fields=sheets.data.rowData.values.userEnteredFormat"
    [sheet] = family.call("GET", asked)["sheets"]
    cells = sheet["data"][0]["rowData"][0]["values"]
    assert all(cell["userEnteredFormat"]["backgroundColor"] == {"red": 1} for cell in cells)
    assert family.sync().traffic.write_requests == 0


def test_events_reach_rows_in_every_tab_and_cost_nothing_elsewhere(family: Family) -> None:
    keys = family.submit(*range(0, 200, 2))
    family.sync()
    oldest, newest = keys[-1], keys[0]
    family.change(oldest, score=12.5)
    family.change(newest, score=13.5)
    report = family.event(oldest, newest)
    assert report.updates == 2
    assert (report.traffic.read_requests, report.traffic.write_requests) == (2, 2)
    seen = family.look()
    assert seen.tabs[seen.home[str(oldest)]][str(oldest)][5] == "12.5"
    assert seen.tabs[MAIN][str(newest)][5] == "13.5"
    [late] = family.submit(150.5)
    [fresh] = family.submit(0.5)
    family.event(late, fresh)
    assert_all_there(family)
    family.delete(late, oldest, fresh)
    assert family.event(late, oldest, fresh).deletes == 3
    assert_all_there(family)


def test_the_main_tab_is_read_once_while_its_rows_are_computed_and_not_for_archived_ones(family: Family) -> None:
    keys = family.submit(*range(0, 200, 2))
    family.sync()
    for key in (keys[-1], keys[0]):
        family.change(key, score=12.5)
        report = family.event(key, computing_seconds=0.1)
        assert (report.updates, report.traffic.read_requests, report.traffic.write_requests) == (1, 1, 1)


def test_rows_that_leave_the_main_tab_after_it_was_read_lead_no_write_astray(family: Family) -> None:
    keys = family.submit(*range(0, 200, 2))
    family.sync()
    family.write_notes()
    stays = [keys[3], keys[15]]
    for round_number in range(2):  # in the later ones nothing else that is remembered of the tab has changed
        family.change(keys[4 + round_number], submitted_at=NOW - timedelta(days=150.25))
        for key in stays:
            family.change(key, score=round_number + 0.5)
        family.event(keys[4 + round_number], *stays, computing_seconds=0.1)
        assert_all_there(family)
        seen = family.look()
        assert [seen.tabs[MAIN][str(key)][5] for key in stays] == [f"{round_number}.5"] * 2
        assert [seen.note[str(key)] for key in stays] == [f"note {key}" for key in stays]


def test_a_changed_moment_takes_the_row_to_its_new_home(family: Family) -> None:
    keys = family.submit(*range(0, 200, 2))
    family.sync()
    family.write_notes()
    family.change(keys[0], submitted_at=NOW - timedelta(days=150.25))
    family.change(keys[-1], submitted_at=NOW)
    family.event(keys[0], keys[-1])
    assert_all_there(family)
    assert family.look().note[str(keys[0])] == f"note {keys[0]}"
    family.change(keys[1], submitted_at=NOW - timedelta(days=150.25))  # and where the event was lost
    family.sync()
    assert_all_there(family)
    assert family.look().note[str(keys[1])] == f"note {keys[1]}"


def test_an_archive_tab_that_people_deleted_is_made_anew_when_one_of_its_rows_changes(family: Family) -> None:
    keys = family.submit(*range(0, 200, 2))
    family.sync()
    title = family.look().home[str(keys[-1])]
    family.edit({"deleteSheet": {"sheetId": family.sheet_id(title)}})
    family.change(keys[-1], score=1.5)
    family.event(keys[-1])
    assert_all_there(family)


def test_a_lost_memory_leads_to_no_doubled_row(family: Family) -> None:
    family.submit(*range(0, 200, 2))
    family.sync()
    family.write_notes()
    before = family.look()
    with family.engine.begin() as connection:
        for table in ("sync_base_row", "sync_tab", "sync_archive"):
            connection.exec_driver_sql(f"delete from {table}")
    family.submit(*(i / 10 for i in range(30)))
    family.sync()
    assert_all_there(family)
    seen = family.look()
    assert {key: note for key, note in seen.note.items() if note} == {k: n for k, n in before.note.items() if n}


def test_archives_can_be_compared_as_a_whole_where_events_were_passed_by(family: Family) -> None:
    keys = family.submit(*range(0, 200, 2))
    family.sync()
    family.change(keys[-1], score=1.5)
    writer = family.writer()
    writer.recheck_archives()
    family.sync()
    seen = family.look()
    assert seen.tabs[seen.home[str(keys[-1])]][str(keys[-1])][5] == "1.5"
    assert family.sync().traffic.read_requests == 1
