"""People's own column beside ours: a note and a colour for some rows, which stay on their row whatever is done."""

from collections.abc import Sequence

from benchmarks.edit_page import Page
from local_sheets.a1 import column_letters

_ROWS = 60
_HEADER = "Note"


class Notes:
    """Notes of some tabs, written once."""

    def __init__(self, page: Page, tabs: Sequence[str]) -> None:
        self.page = page
        self.keys: dict[str, list[str]] = {}
        for tab in tabs:
            self._write(tab)

    def _write(self, tab: str) -> None:
        place = self.page.look(tab)
        at = len(place.columns)
        keys = self.keys[tab] = list(place.rows)[:_ROWS]
        if at >= place.size[1]:
            self.page._send(
                {
                    "batchUpdate": {
                        "requests": [
                            {"appendDimension": {"sheetId": place.sheet_id, "dimension": "COLUMNS", "length": 1}}
                        ]
                    }
                },
                "INSERT_COLUMN",
                sheetId=place.sheet_id,
            )
        by_row = {place.rows[key]: key for key in keys}
        last = max(by_row)
        values = [[_HEADER], *[[_note(by_row[row]) if row in by_row else ""] for row in range(1, last + 1)]]
        letter = column_letters(at)
        self.page._send(
            {"valuesUpdate": {"range": f"'{tab}'!{letter}1:{letter}{last + 1}", "values": values}},
            sheetId=place.sheet_id,
        )
        colours = [
            {
                "repeatCell": {
                    "range": {"sheetId": place.sheet_id, "startRowIndex": row, "endRowIndex": row + 1,
                              "startColumnIndex": at, "endColumnIndex": at + 1},
                    "cell": {"userEnteredFormat": {"backgroundColor": {"red": 1, "green": 1, "blue": 0}}},
                    "fields": "userEnteredFormat.backgroundColor",
                }
            }
            for row in by_row
        ]  # fmt: skip
        self.page._send({"batchUpdate": {"requests": colours}}, "FORMAT", sheetId=place.sheet_id)
        self.page.look(tab)

    def harmed(self) -> list[str]:
        """Notes that are gone or on another row, and colours."""
        found = []
        for tab, keys in self.keys.items():
            notes, place = self.page.column(tab, _HEADER), self.page.places[tab]
            colours = self.page.colours(tab, place.columns[_HEADER])
            found += [f"note of {tab} {key}" for key in keys if notes.get(key) != _note(key)]
            found += [f"colour of {tab} {key}" for key in keys if place.rows.get(key) not in colours]
            found += [f"note of {tab} on another row: {key}" for key, note in notes.items() if note and key not in keys]
        return found


def _note(key: str) -> str:
    return f"call {key} back"
