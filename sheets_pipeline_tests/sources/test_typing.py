"""Types, names, places and volatile cells, without a spreadsheet."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sheets.ranges import RangeCells, SpreadsheetFacts, TabFacts
from sheets_pipeline.sources.cells import Locale, declared_column, duration, typed_column
from sheets_pipeline.sources.headers import column_names, find_header
from sheets_pipeline.sources.places import targets_of
from sheets_pipeline.sources.seen import WHOLE, runs
from sheets_pipeline.sources.table import column_letters
from sheets_pipeline.sources.volatile import volatile_cells
from sheets_pipeline.sync.source import CellType, Source, SourceRange

HEADERS = some.lists(some.sampled_from(["", "Grade", "grade ", "grade_2", "Größe", "a b", "1", "%"]), max_size=8)


@given(HEADERS)
def test_names_stand_once_and_depend_on_headers_alone(headers: list[str]) -> None:
    names = column_names(headers)
    assert len(set(names)) == len(names) == len(headers)
    assert all(name == name.strip("_") != "" for name in names)
    assert column_names(["Other", *headers])[1:] == names
    assert dict(zip(headers, names, strict=True)).keys() == set(headers)


@given(some.permutations(["id", "name", "größe", "名前", "a b"]))
def test_names_stay_where_columns_move(headers: list[str]) -> None:
    assert dict(zip(headers, column_names(headers), strict=True))["a b"] == "a_b"


def test_what_nobody_sees_in_a_header_is_not_in_its_name() -> None:
    assert column_names(["a\u200bge", "\u00a0name\u00a0", "co\u00adde"]) == ["age", "name", "code"]


CELLS = some.one_of(
    some.just(""), some.integers(-(2**53), 2**53), some.booleans(), some.text(max_size=3),
    some.floats(-1e9, 1e9, allow_nan=False),
)  # fmt: skip


@given(some.lists(CELLS, max_size=12))
def test_no_cell_is_lost_or_changed(cells: list[Any]) -> None:
    typed = typed_column(cells, cells)
    assert len(typed.cells) == len(cells)
    for cell, made in zip(cells, typed.cells, strict=True):
        if isinstance(cell, str):
            assert made == (cell if cell.strip() else None)
        else:
            assert isinstance(made, bool) == isinstance(cell, bool)
            assert made == (Decimal(repr(cell)) if isinstance(cell, float) else cell)
    kinds = {type(cell) for cell in typed.cells if cell is not None}
    alone = {
        CellType.TEXT: {str}, CellType.INTEGER: {int}, CellType.BOOLEAN: {bool}, CellType.DECIMAL: {Decimal}, CellType.EMPTY: set(),
    }  # fmt: skip
    assert typed.type is CellType.MIXED or kinds == alone[typed.type]


@given(some.lists(some.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), min_size=1, max_size=6))
def test_moments_come_back_to_the_millisecond(moments: list[datetime]) -> None:
    moments = [one.replace(microsecond=0) for one in moments]
    serials = [(one - datetime(1899, 12, 30)) / timedelta(days=1) for one in moments]
    typed = typed_column(serials, [str(one) for one in moments])
    if typed.type is CellType.DATETIME:
        assert typed.cells == moments
    else:
        assert typed.type is CellType.TIME
        assert all(0 <= serial < 1 for serial in serials)


@given(some.integers(0, 10**9))
def test_durations_are_hours_minutes_and_seconds(ms: int) -> None:
    text = duration(ms / 86_400_000)
    hours, minutes, seconds = text.split(":")
    assert round((int(hours) * 3600 + int(minutes) * 60) * 1000 + float(seconds) * 1000) == ms


@pytest.mark.parametrize(
    ("serials", "shown", "kind", "cells"),
    [
        ([45292, "", 45293], ["1.1.2024", "", "2.1.2024"], "date", [date(2024, 1, 1), None, date(2024, 1, 2)]),
        ([45292, 7], ["1.1.2024", 7], "mixed", [date(2024, 1, 1), 7]),
        ([0.5, 0.25], ["12:00", "6:00 AM"], "time", [time(12), time(6)]),
        ([45292.5], ["12:00"], "datetime", [datetime(2024, 1, 1, 12)]),
        ([1.5, 0.5], ["36:00:00", "12:00:00"], "text", ["36:00:00", "12:00:00"]),
        ([-0.5], ["-12:00"], "text", ["-12:00:00"]),
        ([5_000_000], ["5000000-01-01"], "decimal", [5_000_000]),
        ([0], ["1899-12-30"], "date", [date(1899, 12, 30)]),
    ],
)  # fmt: skip
def test_dates_are_told_by_how_they_show(serials: list[Any], shown: list[Any], kind: str, cells: list[Any]) -> None:
    typed = typed_column(serials, shown)
    assert (str(typed.type), typed.cells) == (kind, cells)


GERMAN, BRITISH, AMERICAN = Locale.of("de_DE"), Locale.of("en_GB"), Locale.of("en_US")


@pytest.mark.parametrize(
    ("text", "kind", "locale", "expected"),
    [
        ("1.500,5", "decimal", GERMAN, Decimal("1500.5")),
        ("1,500.5", "decimal", AMERICAN, Decimal("1500.5")),
        ("1 500", "integer", GERMAN, 1500),
        ("1,5", "integer", GERMAN, None),
        ("€ -3", "decimal", GERMAN, -3),
        ("(3)", "decimal", AMERICAN, -3),
        ("50 %", "decimal", AMERICAN, Decimal("0.5")),
        ("12.34.56", "decimal", AMERICAN, None),
        ("none", "decimal", AMERICAN, None),
        ("3/4/2026", "date", AMERICAN, date(2026, 3, 4)),
        ("3/4/2026", "date", BRITISH, date(2026, 4, 3)),
        ("3.4.26", "date", GERMAN, date(2026, 4, 3)),
        ("2026-02-30", "date", GERMAN, None),
        ("2026-02-03T04:05:06.5Z", "datetime", GERMAN, datetime(2026, 2, 3, 4, 5, 6, 500_000)),
        ("2026-02-03 04:05", "date", GERMAN, None),
        ("Yes", "boolean", GERMAN, True),
        ("maybe", "boolean", GERMAN, None),
        ("9:05", "time", GERMAN, time(9, 5)),
        ("25:00", "time", GERMAN, None),
    ],
)
def test_a_declared_type_converts_what_it_can(text: str, kind: str, locale: Locale, expected: Any) -> None:
    made = declared_column(typed_column([text, ""]), CellType(kind), locale)
    assert made.cells == [text if expected is None else expected, None]
    assert (made.type is CellType.MIXED) == (expected is None)
    assert (made.odd == {f"not {kind}": [0]}) == (expected is None)


@pytest.mark.parametrize(
    ("rows", "titles", "expected"),
    [
        ([], (), None),
        ([["", ""], ["", ""]], (), None),
        ([["a", "b"], [1, 2]], (), 0),
        ([["title", ""], ["a", "b"], [1, 2]], (), 1),
        ([["a", "", "c"], ["x", "y", "z"]], (), 0),
        ([[1, 2], [3, 4]], (), None),
        ([["title", "", "", ""], ["a", "", "", ""], ["x", 1, 2, 3]], (), 0),
        ([["Q1", "Q2", "Q3"], ["a", "b", "c"], [1, 2, 3]], (0,), 1),
        ([["name", 2023, 2024], ["x", 1, 2]], (), 0),
    ],
)
def test_headers_are_found(rows: list[list[Any]], titles: tuple[int, ...], expected: int | None) -> None:
    assert find_header(rows, titles) == expected


FACTS = SpreadsheetFacts(
    "Book", "en_US", "UTC", (TabFacts(0, "One", 100, 26), TabFacts(5, "2026-01", 50, 10)), ("Taxes",)
)


@pytest.mark.parametrize(
    ("where", "area", "size"),
    [
        (SourceRange(), {}, (100, 26)),
        (SourceRange(cells="A1:D"), {"endColumnIndex": 4}, (100, 4)),
        (SourceRange(cells="B:C"), {"startColumnIndex": 1, "endColumnIndex": 3}, (100, 2)),
        (SourceRange(cells="3:9"), {"startRowIndex": 2, "endRowIndex": 9}, (7, 26)),
        (SourceRange(cells="A1:Z1000"), {"endColumnIndex": 26, "endRowIndex": 1000}, (100, 26)),
        (SourceRange(cells="D9:B2"), {"startColumnIndex": 1, "endColumnIndex": 4, "startRowIndex": 1, "endRowIndex": 9}, (8, 3)),
        (SourceRange(cells="B2"), {"startColumnIndex": 1, "endColumnIndex": 2, "startRowIndex": 1, "endRowIndex": 2}, (1, 1)),
    ],
)  # fmt: skip
def test_a_range_is_the_cells_that_it_says(where: SourceRange, area: dict[str, int], size: tuple[int, int]) -> None:
    [target] = targets_of(Source("s", "s", "x", (where,)), FACTS)
    assert target.filter == {"gridRange": {"sheetId": 0, **area}}
    assert target.size == size


def test_a_title_goes_before_an_id_that_is_known() -> None:
    [known] = targets_of(Source("s", "s", "x", (SourceRange("2026-*"),)), FACTS)
    assert known.tab_id == 5
    renamed = SpreadsheetFacts("Book", "", "", (TabFacts(5, "Old", 9, 9), TabFacts(6, "2026-01", 9, 9)))
    source = Source("s", "s", "x", (SourceRange("2026-01"),))
    assert [one.tab_id for one in targets_of(source, renamed, [known])] == [6]
    gone = SpreadsheetFacts("Book", "", "", renamed.tabs[:1])
    assert [one.tab_id for one in targets_of(source, gone, [known])] == [5]
    with pytest.raises(SourceProblem, match="no tab '2026-01'"):
        targets_of(source, gone)


@pytest.mark.parametrize(
    ("formulas", "expected"),
    [
        (["=1+1", "=B1"], []),
        (["=NOW()", "=A1*2", "=B1", "=D9", 'text "NOW()"'], [0, 1, 2]),
        (["=rand()", "=SUM(A:A)", "=SUM(A1:C1)", "=$A$1", "='My tab'!A1", "=Other!A1", '="A1"'], [0, 1, 2, 3, 4]),
        (["=KNOWN(A1)", "=RANDBETWEEN(1,2)", "=A1B"], [1]),
    ],
)
def test_what_refers_to_volatile_cells_is_volatile(formulas: list[str], expected: list[int]) -> None:
    found = volatile_cells(
        [RangeCells("My tab", 0, 0, [["x"]] * len(formulas))],
        [RangeCells("My tab", 0, 0, [[one] for one in formulas])],
        (),
    )
    assert sorted(column for _, column, _ in found) == expected


def test_many_volatile_cells_of_a_column_are_the_whole_column() -> None:
    assert runs([(0, 1, 3), (0, 1, 4), (0, 2, 9)]) == ((0, 1, 3, 5), (0, 2, 9, 10))
    assert runs((0, 1, row) for row in range(0, 1000, 2)) == ((0, 1, 0, WHOLE),)


def test_columns_have_letters() -> None:
    assert [column_letters(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
