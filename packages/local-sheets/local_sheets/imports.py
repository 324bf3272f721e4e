"""IMPORTRANGE: which spreadsheets may read which others, and what is read.

A spreadsheet keeps the ids of those that it may read (its *donors*) with its file. When a donor changes, all that read
it, by whatever detour, are marked; a marked one is computed again before anybody looks at it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from local_sheets.a1 import RangeError
from local_sheets.api_error import ApiError
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.operands import Scalar
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.workbook import values_of

#: Where a spreadsheet's file keeps its donors.
_KEY = "importsFrom"
_ADDRESS = re.compile(r"/spreadsheets/(?:u/[0-9]+/)?d/([A-Za-z0-9_-]+)")

NOT_ALLOWED = CellError("REF", "You need to connect these sheets.")
NOT_FOUND = CellError("REF", "Spreadsheet not found or you don't have permission to open it.")
NO_RANGE = CellError("REF", "Cannot find range or sheet for imported range.")
LOADING = CellError("LOADING", "Loading data...")


def donor_id(text: str) -> str:
    """The id in IMPORTRANGE's first argument, an address or the id itself."""
    match = _ADDRESS.search(text)
    return match[1] if match else text.strip()


def donors(file: Mapping[str, Any]) -> list[str]:
    """The spreadsheets that one may read."""
    return list(file.get(_KEY, ()))


def with_donor(file: Mapping[str, Any], donor: str) -> dict[str, Any]:
    """The file's data with one more donor."""
    return {**file, _KEY: sorted({*donors(file), donor})}


def imported_values(sheet: Spreadsheet, cells: str) -> list[list[Scalar]]:
    """The values of a range, all rows of one length.

    Raises:
        Fault: The spreadsheet has no such range.
    """
    try:
        rect = sheet.rect_of(sheet.area_of(cells))
    except (RangeError, ApiError):
        raise Fault(NO_RANGE) from None
    rows = [[*row, *[None] * (rect.columns - len(row))] for row in values_of(rect.tab.read(rect))]
    rows.extend([None] * rect.columns for _ in range(rect.rows - len(rows)))
    return rows


class Importers:
    """Who reads whom."""

    def __init__(self) -> None:
        self._of: dict[str, set[str]] = {}

    def put(self, importer: str, read: Iterable[str]) -> None:
        """Take in whom a spreadsheet reads."""
        for donor in read:
            self._of.setdefault(donor, set()).add(importer)

    def behind(self, donor: str) -> list[str]:
        """All that read a spreadsheet, also by way of others; itself where these read each other."""
        found: dict[str, None] = {}
        waiting = [donor]
        while waiting:
            fresh = self._of.get(waiting.pop(), set()) - found.keys()
            found.update(dict.fromkeys(fresh))
            waiting.extend(fresh)
        return list(found)
