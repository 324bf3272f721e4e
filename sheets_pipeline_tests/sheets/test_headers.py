"""Header rows and key columns that people or the declaration changed: followed, mended, or refused with the remedy."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from sheets_pipeline.errors import GuardRefused, HeaderDoubled, HeaderMismatch
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.testing import PEOPLE, Bench, people

ROWS = {i: f"n{i}" for i in range(1, 21)}


def with_column(name: str, **changes: Any) -> Tab:
    """The tab with another declaration of one column."""
    return replace(PEOPLE, columns=tuple(replace(c, **changes) if c.name == name else c for c in PEOPLE.columns))


def header(bench: Bench) -> list[Any]:
    return list(bench.values("people!1:1")[0])


def struck_out(bench: Bench) -> list[int]:
    """Columns (0-based) whose header is struck out."""
    fields = "sheets.data.rowData.values.userEnteredFormat.textFormat.strikethrough"
    answer = bench.call("GET", f"?ranges=people!1:1&includeGridData=true&fields={fields}")
    looks = answer["sheets"][0]["data"][0]["rowData"][0]["values"]
    return [i for i, cell in enumerate(looks) if "True" in str(cell)]


def span(bench: Bench, dimension: str, start: int, end: int) -> dict[str, Any]:
    return {"sheetId": bench.sheet()["sheetId"], "dimension": dimension, "startIndex": start, "endIndex": end}


# The declaration changes -------------------------------------------------------------------------------------------


def test_a_header_changed_in_the_declaration_is_written_and_that_once(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.use(with_column("name", header="Name"))
    assert bench.event({3: "by an event"}, {"3"}).updates == 1  # goes on under the header that stands there
    bench.server.reset_stats()
    report = bench.sync(ROWS | {3: "by an event"})
    assert (report.retitled_columns, report.renamed_columns, report.cells) == (["name"], {}, 1)
    assert bench.sent() == (1, 1, 1)
    assert header(bench) == ["id", "Name", "score", "seen", "active"]
    bench.server.reset_stats()
    bench.sync(ROWS | {3: "by an event"})
    assert bench.sent() == (1, 0, 0)


def test_a_header_that_people_changed_stays_theirs_whatever_is_declared_later(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.put("people!B1", [["What we call them"]])
    bench.sync(ROWS)
    bench.use(with_column("name", header="Name"))
    report = bench.sync(ROWS)
    assert report.renamed_columns == {"name": "What we call them"}
    assert header(bench)[1] == "What we call them"
    bench.put("people!B1", [["Name"]])
    assert bench.sync(ROWS).renamed_columns == {}


def test_headers_of_two_columns_are_swapped_in_the_declaration(bench: Bench) -> None:
    bench.sync(ROWS)
    swapped = {"id": "id", "name": "score", "score": "Full name", "seen": "seen", "active": "active"}
    bench.use(replace(PEOPLE, columns=tuple(replace(c, header=swapped[c.name]) for c in PEOPLE.columns)))
    assert bench.sync(ROWS).retitled_columns == ["name", "score"]
    assert bench.values()[:2] == [["id", "score", "Full name", "seen", "active"], [1, "n1", 1.5, 46082.5, True]]


@pytest.mark.parametrize("fault", [{"status": 503, "after": True}, {"status": 503}])
def test_a_lost_answer_to_a_new_header_or_column_is_settled(bench: Bench, fault: dict[str, Any]) -> None:
    bench.sync(ROWS)
    extra = Column("extra", ColumnType.INTEGER)
    tab = with_column("name", header="Name")
    bench.use(replace(tab, columns=(*tab.columns, extra)))
    bench.server.faults(action="error", method="*batchUpdate", count=1, **fault)
    frame = people(ROWS).assign(extra=7)
    bench.writer.full_sync(frame, computed_at=bench.memory.now())
    assert header(bench) == ["id", "Name", "score", "seen", "active", "extra"]
    assert [row[5] for row in bench.values()[1:]] == [7] * 20
    bench.server.reset_stats()
    assert bench.writer.full_sync(frame, computed_at=bench.memory.now()).renamed_columns == {}
    assert bench.sent() == (1, 0, 0)


def test_a_header_that_people_use_for_a_column_of_theirs_is_not_given_twice(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.put("people!F1:F2", [["Name"], ["their nickname"]])
    bench.use(with_column("name", header="Name"))
    with pytest.raises(HeaderDoubled, match="calls column 'name' 'Name' now"):
        bench.sync(ROWS)
    bench.use(replace(PEOPLE, columns=(*PEOPLE.columns, Column("nickname", header="Name"))))
    with pytest.raises(HeaderDoubled, match="people have one of that name"):
        bench.writer.full_sync(people(ROWS).assign(nickname="x"), computed_at=bench.memory.now())
    assert bench.values("people!F2") == [["their nickname"]]


def renamed_frame(rows: dict[int, str], old: str, new: str) -> pd.DataFrame:
    return people(rows).rename(columns={old: new})


def test_a_column_of_another_name_under_the_same_header_is_the_same_column(bench: Bench) -> None:
    bench.sync(ROWS)
    columns = tuple(replace(c, name="full_name") if c.name == "name" else c for c in PEOPLE.columns)
    bench.use(replace(PEOPLE, columns=columns))
    frame = renamed_frame(ROWS, "name", "full_name")
    report = bench.writer.full_sync(frame, computed_at=bench.memory.now())
    assert (report.added_columns, report.released_columns, report.updates) == ([], [], 0)
    bench.put("people!B1", [["Who"]])
    report = bench.writer.full_sync(frame, computed_at=bench.memory.now())
    assert report.renamed_columns == {"full_name": "Who"}
    assert header(bench) == ["id", "Who", "score", "seen", "active"]


def test_a_column_that_left_the_declaration_is_struck_out_and_told_until_it_is_gone(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.put("people!F1:F2", [["note"], ["mine"]])
    columns = tuple(Column("mail") if c.name == "name" else c for c in PEOPLE.columns)
    bench.use(replace(PEOPLE, columns=columns))
    frame = renamed_frame(ROWS, "name", "mail")
    report = bench.writer.full_sync(frame, computed_at=bench.memory.now())
    assert (report.added_columns, report.released_columns) == (["mail"], ["Full name"])
    assert header(bench) == ["id", "Full name", "score", "seen", "active", "note", "mail"]
    assert struck_out(bench) == [1]
    bench.server.reset_stats()
    report = bench.writer.full_sync(frame, computed_at=bench.memory.now())
    assert report.released_columns == ["Full name"]
    assert bench.sent() == (1, 0, 0)
    bench.use(PEOPLE)  # declared again: it is ours again
    report = bench.sync(ROWS | {1: "back"})
    assert report.released_columns == ["mail"]
    assert bench.values("people!B2") == [["back"]]
    assert struck_out(bench) == [6]
    bench.put("people!G1", [["old addresses"]])
    assert bench.sync(ROWS | {1: "back"}).released_columns == []


def test_another_type_gives_the_column_its_number_format(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.use(with_column("score", type=ColumnType.PERCENT))
    bench.sync(ROWS)
    assert bench.values("people!C2:C21", "FORMATTED_VALUE")[0] == ["150.0%"]
    bench.server.reset_stats()
    bench.sync(ROWS)
    assert bench.sent() == (1, 0, 0)


def test_another_order_of_columns_changes_nothing(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.use(replace(PEOPLE, columns=PEOPLE.columns[::-1]))
    bench.server.reset_stats()
    report = bench.writer.full_sync(people(ROWS), computed_at=bench.memory.now())
    assert (report.updates, bench.sent()) == (0, (1, 0, 0))


def test_an_event_after_another_order_of_columns_writes_what_changed(bench: Bench) -> None:
    tab = replace(PEOPLE, columns=tuple(Column(name) for name in ("id", "left", "right")), key=("id",))
    bench.use(tab)
    before, swapped = (
        pd.DataFrame([values], columns=["id", "left", "right"]) for values in (["1", "a", "b"], ["1", "b", "a"])
    )
    bench.writer.full_sync(before, computed_at=bench.memory.now())
    bench.use(replace(tab, columns=(tab.columns[0], tab.columns[2], tab.columns[1])))
    report = bench.writer.event_sync(lambda: swapped, {"1"})
    assert report.cells == 2
    assert bench.values()[1] == ["1", "b", "a"]


def test_another_key_among_our_columns_is_followed_and_rows_still_leave(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.put("people!F1:F3", [["note"], ["about n1"], ["about n2"]])
    bench.use(replace(PEOPLE, key=("name",)))
    with pytest.raises(NeedsFullSync):
        bench.event({1: "n1"}, {"n1"})
    bench.sync(ROWS)
    bench.sync({key: name for key, name in ROWS.items() if key != 1} | {21: "n21"})
    rows = bench.values()[1:]
    assert [row[1] for row in rows] == [f"n{i}" for i in range(2, 22)]
    assert rows[0][5] == "about n2"


def test_a_key_that_the_tab_does_not_have_yet_is_refused(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.use(replace(PEOPLE, key=("code",), columns=(*PEOPLE.columns, Column("code"))))
    frame = people(ROWS).assign(code=[f"c{i}" for i in ROWS])
    with pytest.raises(HeaderMismatch, match="Declare the column beside the old key first"):
        bench.writer.full_sync(frame, computed_at=bench.memory.now())
    bench.use(replace(PEOPLE, columns=(*PEOPLE.columns, Column("code"))))
    bench.writer.full_sync(frame, computed_at=bench.memory.now())
    bench.use(replace(PEOPLE, key=("code",), columns=(*PEOPLE.columns, Column("code"))))
    assert bench.writer.full_sync(frame, computed_at=bench.memory.now()).inserts == 0
    assert len(bench.values()) == 21


# People change keys and headers ------------------------------------------------------------------------------------


def clear_keys(bench: Bench, count: int = 20) -> None:
    bench.call("POST", f"/values/people!A2:A{count + 1}:clear", {})


def delete_key_column(bench: Bench) -> None:
    bench.edit({"deleteDimension": {"range": span(bench, "COLUMNS", 0, 1)}})


def follow_old_advice(bench: Bench) -> None:
    delete_key_column(bench)
    bench.put("people!H1", [["id"]])


def clear_key_column(bench: Bench) -> None:
    bench.call("POST", "/values/people!A1:A21:clear", {})


@pytest.mark.parametrize(
    ("harm", "error", "remedy"),
    [
        (delete_key_column, HeaderMismatch, "File > Version history"),
        (follow_old_advice, GuardRefused, "20 rows stand in the tab without their key"),
        (clear_keys, GuardRefused, "20 rows stand in the tab without their key"),
        (clear_key_column, GuardRefused, "undo that"),
        (lambda bench: clear_keys(bench, 12), GuardRefused, "12 rows stand"),
        (lambda bench: bench.put("people!A2:A21", [[f"ID-{i}"] for i in ROWS]), GuardRefused, "or with another one"),
        (lambda bench: bench.put("people!A2:A21", [["=ROW()*1000"]] * 20), GuardRefused, "or with another one"),
        (lambda bench: bench.put("people!A2:A21", [['=""']] * 20), GuardRefused, "without their key"),
    ],
)
@pytest.mark.parametrize("restores", [False, True])
def test_rows_are_not_written_anew_beside_their_old_selves(
    bench: Bench, harm: Callable[[Bench], object], error: type[Exception], remedy: str, restores: bool
) -> None:
    bench.use(replace(PEOPLE, restores_columns=restores))
    bench.sync(ROWS)
    harm(bench)
    before = bench.values()
    with pytest.raises(error, match=remedy):
        bench.sync(ROWS | {1: "changed since", 21: "new"})
    with pytest.raises(NeedsFullSync):
        bench.event({1: "changed since", 21: "new"}, {"1", "21"})
    assert bench.values() == before


def test_a_few_rows_without_their_key_are_written_anew_and_named(bench: Bench) -> None:
    bench.sync(ROWS)
    clear_keys(bench, 2)
    bench.put("people!F2", [["a note"]])
    report = bench.sync(ROWS)
    assert (report.inserts, report.stray_rows) == (2, [2, 3])
    assert bench.values("people!A2:F2") == [["", "n1", 1.5, 46082.5, True, "a note"]]


def test_a_tab_of_which_people_deleted_all_rows_is_filled_again(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.edit({"deleteDimension": {"range": span(bench, "ROWS", 1, 21)}})
    bench.put("people!B3", [["a word of theirs"]])
    assert bench.sync(ROWS).inserts == 20
    assert [row[0] for row in bench.values()[1:21]] == list(ROWS)


@pytest.mark.parametrize("column", ["A", "B"])
def test_a_header_that_somebody_cleared_is_written_again(bench: Bench, column: str) -> None:
    bench.sync(ROWS)
    bench.call("POST", f"/values/people!{column}1:clear", {})
    report = bench.sync(ROWS)
    assert (report.updates, report.inserts, len(report.retitled_columns)) == (0, 0, 1)
    assert header(bench) == ["id", "Full name", "score", "seen", "active"]


def insert_title(bench: Bench) -> None:
    bench.edit({"insertDimension": {"range": span(bench, "ROWS", 0, 2)}})
    bench.put("people!A1", [["Our people, autumn term"]])


def sort_header_away(bench: Bench) -> None:
    area = {"sheetId": bench.sheet()["sheetId"], "startRowIndex": 0, "endRowIndex": 21}
    bench.edit({"sortRange": {"range": area, "sortSpecs": [{"dimensionIndex": 1, "sortOrder": "DESCENDING"}]}})


@pytest.mark.parametrize(
    ("harm", "remedy"),
    [
        (insert_title, "The header stands in row 3"),
        (sort_header_away, "The header stands in row 21"),
        (lambda bench: bench.edit({"deleteDimension": {"range": span(bench, "ROWS", 0, 1)}}), "a row of data"),
    ],
    ids=["title above", "sorted away", "deleted"],
)
def test_a_header_row_that_is_not_in_row_1_is_said_to_be_elsewhere(
    bench: Bench, harm: Callable[[Bench], object], remedy: str
) -> None:
    bench.sync(ROWS)
    harm(bench)
    before = bench.values()
    with pytest.raises(HeaderMismatch, match=remedy):
        bench.sync(ROWS)
    with pytest.raises(NeedsFullSync):
        bench.event({1: "x"}, {"1"})
    assert bench.values() == before


@pytest.mark.parametrize(
    ("rows", "remedy"),
    [
        ([["Shopping list"], ["milk"]], "was not made by the pipeline"),
        ([["Our people"], [], ["id", "Full name", "score", "seen", "active"]], "The header stands in row 3"),
        ([["id", "Full name", "score"], [1, "Ada", 2]], r"expected columns \['seen', 'active'\].*over free columns"),
    ],
)
def test_a_tab_that_people_made_under_our_title_is_left_alone(bench: Bench, rows: list[list[Any]], remedy: str) -> None:
    bench.edit({"addSheet": {"properties": {"title": "people"}}})
    bench.put("people!A1", rows)
    with pytest.raises(HeaderMismatch, match=remedy):
        bench.sync(ROWS)
    assert bench.values()[: len(rows)] == rows


def test_a_tab_that_somebody_makes_while_ours_is_made_is_left_alone(bench: Bench) -> None:
    write = bench.client.write

    def someone_is_quicker(path: str, **request: Any) -> Any:
        bench.client.write = write  # type: ignore[method-assign]
        bench.edit({"addSheet": {"properties": {"title": "people"}}})
        bench.put("people!A1", [["mine"]])
        return write(path, **request)

    bench.client.write = someone_is_quicker  # type: ignore[method-assign]
    with pytest.raises(HeaderMismatch, match="was not made by the pipeline"):
        bench.sync(ROWS)
    assert bench.values() == [["mine"]]


@pytest.mark.parametrize("theirs", ["Full name ", " Full  name", "Full\xa0name\xa0"])
def test_blanks_make_no_other_header_unless_both_stand_there(bench: Bench, theirs: str) -> None:
    bench.sync(ROWS)
    bench.put("people!F1:F2", [[theirs], ["mine"]], "RAW")
    bench.sync(ROWS | {1: "new"})
    assert bench.values("people!B2:F2") == [["new", 1.5, 46082.5, True, "mine"]]
    bench.put("people!B1", [[theirs]], "RAW")
    bench.put("people!F1", [["note"]])
    assert bench.sync(ROWS | {1: "newer"}).renamed_columns == {}
    assert bench.values("people!B2:F2") == [["newer", 1.5, 46082.5, True, "mine"]]


@pytest.mark.parametrize("is_known", [False, True], ids=["new to us", "followed before"])
def test_a_renamed_column_is_not_guessed_where_its_header_stands_twice(bench: Bench, is_known: bool) -> None:
    bench.sync(ROWS)
    bench.put("people!B1", [["Who"]])
    if is_known:
        assert bench.sync(ROWS).renamed_columns == {"name": "Who"}
    bench.put("people!G1", [["Who"]])
    bench.server.reset_stats()
    with pytest.raises(HeaderDoubled if is_known else HeaderMismatch):
        bench.sync(ROWS | {1: "changed"})
    assert bench.sent()[1] == 0
