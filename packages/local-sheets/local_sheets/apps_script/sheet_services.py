"""``SpreadsheetApp`` on the server's side: what a script reads of a spreadsheet, and what it writes.

Writes are requests of the public API, carried out by the same code; as on Google's side they fire no trigger.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import orjson

from local_sheets.a1 import RangeError, format_range
from local_sheets.api_error import ApiError, invalid
from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import CellError, Formula
from local_sheets.cell_values.number_format import is_date_format, render
from local_sheets.cell_values.serial import from_serial, to_serial
from local_sheets.data_filters import metadata_places
from local_sheets.model.cell import AnyCell, Cell, effective, entered, number_format_of
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.server.inner_call import call_api
from local_sheets.time_zones import zone_of

if TYPE_CHECKING:
    from local_sheets.server.context import Server

Answer = TypeVar("Answer")

#: Cells that a script may read at once.
MOST_CELLS = 2_000_000
#: So many are read at once.
_FEW_CELLS = 2_000
#: How the server's log names a request of a script.
KIND = "script"
_DATE_TIME = {"type": "DATE_TIME", "pattern": "M/d/yyyy H:mm:ss"}


class SheetServices:
    """Serves one execution; ``user`` is whom the log names."""

    def __init__(self, server: "Server", user: str) -> None:
        self._server, self._user = server, user

    async def _read(
        self, spreadsheet_id: str, work: Callable[[Spreadsheet], Answer], *, is_small: bool = True
    ) -> Answer:
        """Run with the spreadsheet's lock; beside the event loop where it may take long.

        While one reads, nobody else works on the spreadsheet: what is small is not worth a change of threads.
        """
        engine = self._server.engine
        async with engine.lock(spreadsheet_id):
            if engine.may_take_long(spreadsheet_id, is_small=is_small):
                return await asyncio.to_thread(lambda: work(engine.open(spreadsheet_id)))
            return work(engine.open(spreadsheet_id))

    async def info(self, spreadsheet_id: str) -> dict[str, Any]:
        """Title, locale, time zone, address and tabs."""

        def work(sheet: Spreadsheet) -> dict[str, Any]:
            return {
                "title": sheet.title,
                "locale": sheet.locale,
                "timeZone": str(sheet.properties.get("timeZone") or "Etc/GMT"),
                "url": f"{self._server.options.site}/spreadsheets/d/{spreadsheet_id}/edit",
                "sheets": [{"sheetId": tab.sheet_id, "title": tab.title} for tab in _grids(sheet)],
            }

        return await self._read(spreadsheet_id, work)

    async def grid(self, spreadsheet_id: str, sheet_id: int) -> dict[str, Any]:
        """Size and place of a tab."""

        def work(sheet: Spreadsheet) -> dict[str, Any]:
            tab = _tab(sheet, sheet_id)
            return {
                "maxRows": tab.row_count,
                "maxColumns": tab.column_count,
                "index": sheet.tabs.index(tab),
                "frozenRows": int(tab.grid.get("frozenRowCount") or 0),
                "hidden": bool(tab.properties.get("hidden")),
            }

        return await self._read(spreadsheet_id, work)

    async def last(self, spreadsheet_id: str, sheet_id: int) -> dict[str, int]:
        """The last row and the last column with content, 0 where there is none."""
        return await self._read(spreadsheet_id, lambda sheet: _last_of(_tab(sheet, sheet_id)))

    async def metadata(self, spreadsheet_id: str, sheet_id: int | None, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """Developer metadata of a tab, or of the spreadsheet for None, whose ``key``, ``value`` and ``id`` are those wanted."""

        def work(sheet: Spreadsheet) -> list[dict[str, Any]]:
            found = []
            for number, place in sorted(metadata_places(sheet).items()):
                of = sheet.metadata[number]
                is_here = sheet_id is None or (place.tab is not None and place.tab.sheet_id == sheet_id)
                told = {"id": number, "key": of["metadataKey"], "value": of.get("metadataValue")}
                if is_here and all(told[name] == value for name, value in wanted.items()):
                    tab = place.tab and {"sheetId": place.tab.sheet_id, "title": place.tab.title}
                    found.append({**told, "kind": place.kind, "tab": tab, "index": place.index})
            return found

        return await self._read(spreadsheet_id, work)

    async def parse(self, spreadsheet_id: str, sheet_id: int | None, text: str) -> dict[str, Any]:
        """The range that a text names: in the tab it is asked of, unless it names another one."""

        def work(sheet: Spreadsheet) -> dict[str, Any]:
            tab = None if sheet_id is None else _tab(sheet, sheet_id)
            try:
                area = sheet.area_of(
                    text if tab is None or "!" in text else f"'{tab.title.replace(chr(39), chr(39) * 2)}'!{text}"
                )
            except RangeError:
                raise invalid("Range not found") from None
            rect = sheet.rect_of(area)
            return range_message(rect)

        return await self._read(spreadsheet_id, work)

    async def get(
        self, spreadsheet_id: str, sheet_id: int, row: int, column: int, rows: int, columns: int, what: str
    ) -> list[list[Any]]:
        """A matrix of the range: ``values``, ``display``, ``formulas``, ``notes``, ``backgrounds`` or ``number_formats``."""
        if rows * columns > MOST_CELLS:
            raise invalid(
                f"Service Spreadsheets failed: {rows * columns} cells are more than Local Sheets gives at once ({MOST_CELLS})."
            )

        def work(sheet: Spreadsheet) -> list[list[Any]]:
            tab = _tab(sheet, sheet_id)
            show = _SHOWS[what](sheet)
            empty = show(None)
            rect = tab.rect(row - 1, row - 1 + rows, column - 1, column - 1 + columns)
            found = [[show(cell) for cell in cells] for cells in tab.read(rect)]
            for cells in found:
                cells += [empty] * (columns - len(cells))
            return found + [[empty] * columns for _ in range(rows - len(found))]

        return await self._read(spreadsheet_id, work, is_small=rows * columns <= _FEW_CELLS)

    async def set_values(
        self, spreadsheet_id: str, sheet_id: int, row: int, column: int, rows: list[list[Any]]
    ) -> None:
        """Enter values as if typed; dates get a format that shows them, where their cell has none."""

        def prepare(sheet: Spreadsheet) -> tuple[str, list[list[Any]], list[dict[str, Any]]]:
            tab = _tab(sheet, sheet_id)
            zone = _zone(sheet)
            width = max(map(len, rows))
            a1_range = format_range(tab.title, row - 1, row - 1 + len(rows), column - 1, column - 1 + width)
            formats = [
                _format_request(tab, row - 1 + down, column - 1 + right)
                for down, cells in enumerate(rows)
                for right, value in enumerate(cells)
                if isinstance(value, dict)
                and not is_date_format(number_format_of(tab.cell(row - 1 + down, column - 1 + right)))
            ]
            return a1_range, [[_entered(value, zone) for value in cells] for cells in rows], formats

        a1_range, values, formats = await self._read(spreadsheet_id, prepare, is_small=len(rows) <= _FEW_CELLS)
        path = f"/v4/spreadsheets/{quote(spreadsheet_id, safe='')}/values/{quote(a1_range, safe='')}"
        if formats:
            await self.batch(spreadsheet_id, formats)
        await self._call("PUT", f"{path}?valueInputOption=USER_ENTERED", {"range": a1_range, "values": values})

    async def batch(self, spreadsheet_id: str, requests: Sequence[dict[str, Any]]) -> None:
        """Requests of ``batchUpdate``, all of them or none."""
        path = f"/v4/spreadsheets/{quote(spreadsheet_id, safe='')}:batchUpdate"
        await self._call("POST", path, {"requests": list(requests)})

    async def _call(self, method: str, path: str, body: dict[str, Any]) -> None:
        answer = await call_api(self._server, method, path, body, self._user, kind=KIND)
        if answer.status_code != 200:
            raise ApiError(answer.status_code, orjson.loads(answer.body)["error"]["message"])


def range_message(rect: Rect) -> dict[str, Any]:
    """A range as ``runtime/3_sheets.js`` takes it: rows and columns from 1, with the tab it is of."""
    place = {"row": rect.row0 + 1, "column": rect.col0 + 1, "rows": rect.rows, "columns": rect.columns}
    return {"sheetId": rect.tab.sheet_id, "title": rect.tab.title, **place}


def _grids(sheet: Spreadsheet) -> list[Tab]:
    return [tab for tab in sheet.tabs if "gridProperties" in tab.properties]


def _tab(sheet: Spreadsheet, sheet_id: int) -> Tab:
    tab = sheet.tab_by_id(sheet_id)
    if tab is None:
        raise invalid(f"Sheet {sheet_id} not found")
    return tab


def _last_of(tab: Tab) -> dict[str, int]:
    """The last row and the last column that hold something."""
    last_row, last_column, end = 0, 0, 0
    for block in tab.rows.blocks:
        rows, columns = block.filled
        last_row, last_column = end + rows if rows else last_row, max(last_column, columns)
        end += len(block.rows)
    return {"row": last_row, "column": last_column}


def _zone(sheet: Spreadsheet) -> tzinfo:
    return zone_of(sheet.properties.get("timeZone"))


def _entered(value: Any, zone: tzinfo) -> Any:
    """What to enter for a value of the script; a date as its serial number in the spreadsheet's time zone."""
    if not isinstance(value, dict):
        return value
    return to_serial(datetime.fromtimestamp(value["date"] / 1000, UTC).astimezone(zone))


def _format_request(tab: Tab, row: int, column: int) -> dict[str, Any]:
    cell = {"userEnteredFormat": {"numberFormat": _DATE_TIME}}
    target = tab.rect(row, row + 1, column, column + 1).grid_range()
    return {"repeatCell": {"range": target, "cell": cell, "fields": "userEnteredFormat.numberFormat"}}


# -- what a script sees of a cell

_Show = Callable[[AnyCell], Any]


def _values(sheet: Spreadsheet) -> _Show:
    """Values; numbers that are shown as dates become ``{"date": milliseconds}``."""
    zone = _zone(sheet)

    def show(cell: AnyCell) -> Any:
        value = effective(cell)
        if value is None:
            return ""
        if isinstance(value, CellError):
            return value.text
        if isinstance(cell, Cell) and type(value) in (int, float) and is_date_format(number_format_of(cell)):
            try:
                moment = from_serial(value).replace(tzinfo=zone)  # type: ignore[arg-type]
                return {"date": round(moment.timestamp() * 1000)}
            except OverflowError:
                return value
        return value

    return show


def _display(sheet: Spreadsheet) -> _Show:
    locale = get_locale(sheet.locale)
    return lambda cell: render(effective(cell), number_format_of(cell), locale)


def _formula(cell: AnyCell) -> str:
    value = entered(cell)
    return value.text if isinstance(value, Formula) else ""


def _note(cell: AnyCell) -> str:
    return (cell.note or "") if isinstance(cell, Cell) else ""


def _background(cell: AnyCell) -> str:
    body = cell.format.body if isinstance(cell, Cell) and cell.format is not None else {}
    style = (body.get("backgroundColorStyle") or {}).get("rgbColor") or body.get("backgroundColor")
    if style is None:
        return "#ffffff"
    return "#" + "".join(f"{round(float(style.get(name) or 0) * 255):02x}" for name in ("red", "green", "blue"))


def _number_format(cell: AnyCell) -> str:
    return str((number_format_of(cell) or {}).get("pattern") or "General")


_SHOWS: dict[str, Callable[[Spreadsheet], _Show]] = {
    "values": _values,
    "display": _display,
    "formulas": lambda _: _formula,
    "notes": lambda _: _note,
    "backgrounds": lambda _: _background,
    "number_formats": lambda _: _number_format,
}
