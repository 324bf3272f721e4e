"""What a full sync tells about people's edits, sizes and rows, without a request more."""

from sheets_pipeline.testing import Bench


def test_an_edit_and_a_deleted_row_are_told_as_drift_and_repaired(bench: Bench) -> None:
    rows = {1: "Ada", 2: "Bob", 3: "Eve"}
    bench.sync(rows)
    bench.put("people!B2", [["Someone else"]])
    sheet_id = bench.sheet()["sheetId"]
    bench.edit(
        {"deleteDimension": {"range": {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}}}
    )
    bench.server.reset_stats()
    drift = bench.sync(rows | {1: "Ada", 4: "New"}).drift
    assert drift is not None
    assert (drift.cells, drift.rows, drift.missing_keys) == (1, 1, ["2"])
    assert [(cell.row_number, cell.column, cell.written, cell.found) for cell in drift.sample] == [
        (2, "name", "Ada", "Someone else")
    ]
    assert bench.sent()[0] == 1
    assert bench.sync(rows | {4: "New"}).drift is not None
    assert bench.sync(rows | {4: "New"}).drift.cells == 0  # type: ignore[union-attr]


def test_news_of_the_database_is_no_drift(bench: Bench) -> None:
    bench.sync({1: "Ada"})
    drift = bench.sync({1: "Anna", 2: "Bob"}).drift
    assert drift is not None
    assert (drift.cells, drift.rows) == (0, 0)


def test_copies_that_people_made_count_as_rows_in_the_tab(bench: Bench) -> None:
    report = bench.sync({1: "Ada", 2: "Bob"})
    assert (report.rows_in_database, report.rows_in_tab) == (2, 2)
    bench.put("people!A4", [[2, "Copy"]])
    report = bench.sync({1: "Ada", 2: "Bob"})
    assert (report.rows_in_database, report.rows_in_tab) == (2, 3)


def test_rows_set_aside_are_missing_in_the_tab_and_long_texts_are_told(bench: Bench) -> None:
    report = bench.sync({1: "x" * 50_001, 2: "y" * 45_000})
    assert (report.rows_in_database, report.rows_in_tab) == (2, 1)
    assert report.long_texts == {"name": 45_000}


def test_the_size_of_the_grid_and_of_the_spreadsheet_is_told(bench: Bench) -> None:
    bench.sync({1: "Ada"})
    report = bench.sync({1: "Ada"})
    grid = bench.sheet()["gridProperties"]
    assert report.grid_cells == grid["rowCount"] * grid["columnCount"]
    assert (report.spreadsheet_cells, report.spreadsheet_tabs) == (26_000 + report.grid_cells, 2)


def test_an_event_sync_says_that_it_is_one(bench: Bench) -> None:
    assert bench.sync({1: "Ada"}).kind == "full"
    report = bench.event({1: "Anna"}, {"1"})
    assert (report.kind, report.drift) == ("events", None)
