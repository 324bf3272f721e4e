"""The methods of ``spreadsheets.values``, one function each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from local_sheets.api_error import ApiError, invalid
from local_sheets.call import Answer, Call
from local_sheets.data_filters import filter_rects
from local_sheets.limits import resize
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction
from local_sheets.references import clip, read_area, read_rect
from local_sheets.structure import insert_rows
from local_sheets.values_api.rendering import count_cells, read_values, renderer, value_range
from local_sheets.values_api.table_detection import find_table
from local_sheets.values_api.writing import (
    Written,
    check_same_range,
    clear_values,
    place_rows,
    require_input_option,
    rows_of,
    write_rows,
)

# -- reading


def get(sheet: Spreadsheet, call: Call) -> Answer:
    """values.get"""
    return _read(sheet, call, read_rect(sheet, call.path["range"]), call.query)


def batch_get(sheet: Spreadsheet, call: Call) -> Answer:
    """values.batchGet"""
    areas = [read_rect(sheet, text) for text in call.query.get("ranges", [])]
    found = [_read(sheet, call, area, call.query) for area in areas]
    return _with("valueRanges", found, {"spreadsheetId": sheet.spreadsheet_id})


def batch_get_by_data_filter(sheet: Spreadsheet, call: Call) -> Answer:
    """values.batchGetByDataFilter"""
    matched: dict[tuple[int, str], dict[str, Any]] = {}
    for data_filter in call.body.get("dataFilters", []):
        for area in filter_rects(sheet, data_filter):
            key = (area.tab.sheet_id, area.a1())
            if key not in matched:
                matched[key] = {"valueRange": _read(sheet, call, area, call.body), "dataFilters": []}
            matched[key]["dataFilters"].append(data_filter)
    return _with("valueRanges", list(matched.values()), {"spreadsheetId": sheet.spreadsheet_id})


def _read(sheet: Spreadsheet, call: Call, area: Rect, options: Mapping[str, Any]) -> Answer:
    show = renderer(sheet.locale, options.get("valueRenderOption"), options.get("dateTimeRenderOption"))
    major = _major(options)
    values = read_values(area, show, major) if call.wants("values") or call.wants("valueRanges") else []
    call.cells += count_cells(values)
    call.summary = _summary(call.summary, area)
    return value_range(area, values, major)


def _summary(before: str, area: Rect) -> str:
    """Ranges for the log, no longer than a line."""
    text = f"{before}, {area.a1()}" if before else area.a1()
    return text if len(text) <= 200 else before


def _major(options: Mapping[str, Any]) -> str | None:
    major = options.get("majorDimension")
    return None if major == "DIMENSION_UNSPECIFIED" else major


def _with(name: str, items: Sequence[Any], message: Answer) -> Answer:
    """The message with a list, which is left out when it is empty."""
    if items:
        message[name] = items
    return message


# -- writing


def update(tx: Transaction, call: Call) -> Answer:
    """values.update"""
    as_typed = require_input_option(call.query.get("valueInputOption"))
    check_same_range(tx.spreadsheet, call.path["range"], call.body)
    rows = rows_of(call.body)
    target = place_rows(tx.spreadsheet, read_area(tx.spreadsheet, call.path["range"]), rows)
    written = write_rows(tx, target, rows, as_typed=as_typed)
    return _update_answer(tx, call, written, call.query, call.body, _asked(tx, call.path["range"]))


def _asked(tx: Transaction, text: str) -> Rect | None:
    """The range that was to be written, None for a single cell, which is only where writing starts."""
    asked = read_rect(tx.spreadsheet, text)
    return asked if asked.cells > 1 else None


def batch_update(tx: Transaction, call: Call) -> Answer:
    """values.batchUpdate"""
    as_typed = require_input_option(call.body.get("valueInputOption"))
    done: list[tuple[Written, dict[str, Any]]] = []
    for index, data in enumerate(call.body.get("data", [])):
        try:
            rows = rows_of(data)
            target = place_rows(tx.spreadsheet, read_area(tx.spreadsheet, data.get("range", "")), rows)
            done.append((write_rows(tx, target, rows, as_typed=as_typed), data))
        except ApiError as error:
            raise error.at(f"data[{index}]") from None
    responses = [
        _update_answer(tx, call, written, call.body, data, _asked(tx, data.get("range", ""))) for written, data in done
    ]
    return _totals(tx, [written for written, _ in done], responses)


def batch_update_by_data_filter(tx: Transaction, call: Call) -> Answer:
    """values.batchUpdateByDataFilter"""
    as_typed = require_input_option(call.body.get("valueInputOption"))
    done: list[Written] = []
    responses: list[Answer] = []
    for index, data in enumerate(call.body.get("data", [])):
        data_filter = data.get("dataFilter", {})
        try:
            rows = rows_of(data)
            for area in filter_rects(tx.spreadsheet, data_filter):
                written = write_rows(tx, _within(area, rows), rows, as_typed=as_typed)
                done.append(written)
                answer = _update_answer(tx, call, written, call.body, data)
                del answer["spreadsheetId"]
                responses.append({**answer, "dataFilter": data_filter})
        except ApiError as error:
            raise error.at(f"data[{index}]") from None
    return _totals(tx, done, responses)


def _within(area: Rect, rows: Sequence[Sequence[Any]]) -> Rect:
    """Where rows come to stand that are written into the range of a DataFilter."""
    height, width = len(rows), max((len(row) for row in rows), default=0)
    if height > area.rows or width > area.columns:
        raise invalid(
            f"Requested writing within range [{area.a1()}], but tried writing {height} rows and {width} columns"
        )
    return Rect(area.tab, area.row0, area.row0 + height, area.col0, area.col0 + width)


def _update_answer(
    tx: Transaction,
    call: Call,
    written: Written,
    options: Mapping[str, Any],
    data: Mapping[str, Any],
    asked: Rect | None = None,
) -> Answer:
    """The API's ``UpdateValuesResponse``; with its values, it shows all of the range that was asked for."""
    shown = written.reached
    answer: Answer = {"spreadsheetId": tx.spreadsheet.spreadsheet_id, "updatedRange": shown.a1(), **written.counts()}
    call.cells += written.cells
    call.summary = _summary(call.summary, shown)
    if options.get("includeValuesInResponse"):
        tx.settle()
        show = renderer(
            tx.spreadsheet.locale,
            options.get("responseValueRenderOption"),
            options.get("responseDateTimeRenderOption"),
        )
        major = _major(data)
        area = asked or shown
        answer["updatedData"] = value_range(area, read_values(area, show, major), major)
    return answer


def _totals(tx: Transaction, done: Sequence[Written], responses: list[Answer]) -> Answer:
    """Totals of a batch: rows and columns are counted once per tab however often they were written."""
    tabs = {id(written.area.tab) for written in done}
    counts = {
        "totalUpdatedRows": len({(id(w.area.tab), row) for w in done for row in w.rows}),
        "totalUpdatedColumns": len({(id(w.area.tab), col) for w in done for col in w.columns}),
        "totalUpdatedCells": sum(w.cells for w in done),
        "totalUpdatedSheets": len(tabs),
    }
    shown = {name: count for name, count in counts.items() if count}
    return _with("responses", responses, {"spreadsheetId": tx.spreadsheet.spreadsheet_id, **shown})


def append(tx: Transaction, call: Call) -> Answer:
    """values.append"""
    as_typed = require_input_option(call.query.get("valueInputOption"))
    sheet = tx.spreadsheet
    check_same_range(sheet, call.path["range"], call.body)
    rows = rows_of(call.body)
    asked = read_rect(sheet, call.path["range"])
    table = find_table(asked)
    tab = asked.tab
    row0 = asked.row0 if table is None else table.row1
    col0 = asked.col0 if table is None else table.col0
    height, width = len(rows), max((len(row) for row in rows), default=0)
    if call.query.get("insertDataOption") == "INSERT_ROWS" and row0 < tab.row_count and height:
        insert_rows(tx, tab, row0, height, inherit=row0 > 0)
    if row0 + height > tab.row_count or col0 + width > tab.column_count:
        resize(tx, tab, max(row0 + height, tab.row_count), max(col0 + width, tab.column_count))
    written = write_rows(tx, Rect(tab, row0, row0 + height, col0, col0 + width), rows, as_typed=as_typed)
    answer: Answer = {"spreadsheetId": sheet.spreadsheet_id}
    if table is not None:
        answer["tableRange"] = table.a1()
    answer["updates"] = _update_answer(tx, call, written, call.query, call.body)
    return answer


def clear(tx: Transaction, call: Call) -> Answer:
    """values.clear"""
    area = read_rect(tx.spreadsheet, call.path["range"])
    call.cells, call.summary = clear_values(tx, area), area.a1()
    return {"spreadsheetId": tx.spreadsheet.spreadsheet_id, "clearedRange": area.a1()}


def batch_clear(tx: Transaction, call: Call) -> Answer:
    """values.batchClear"""
    areas = []
    for index, text in enumerate(call.body.get("ranges", [])):
        try:
            areas.append(read_rect(tx.spreadsheet, text))
        except ApiError as error:
            raise error.at(f"range[{index}]") from None
    return _cleared(tx, call, areas)


def batch_clear_by_data_filter(tx: Transaction, call: Call) -> Answer:
    """values.batchClearByDataFilter"""
    filters = call.body.get("dataFilters", [])
    return _cleared(tx, call, [clip(area) for f in filters for area in filter_rects(tx.spreadsheet, f)])


def _cleared(tx: Transaction, call: Call, areas: Iterable[Rect]) -> Answer:
    echoes = []
    for area in areas:
        call.cells += clear_values(tx, area)
        call.summary = _summary(call.summary, area)
        echoes.append(area.a1())
    return _with("clearedRanges", echoes, {"spreadsheetId": tx.spreadsheet.spreadsheet_id})
