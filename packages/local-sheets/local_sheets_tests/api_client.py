"""A small client of the Sheets API for tests: every answer is checked against the discovery document."""

from typing import Any
from urllib.parse import quote, urlsplit

import requests

from local_sheets.discovery import check_answer, match_route
from local_sheets.testing import LocalSheetsServer

Message = dict[str, Any]


class Api:
    """Calls one spreadsheet's methods. ``sheet_id`` is that of its first tab, ``Sheet1``."""

    def __init__(self, server: LocalSheetsServer, *tabs: str) -> None:
        self.server = server
        self.session = requests.Session()
        self.spreadsheet_id = server.create_spreadsheet("Test", *tabs)
        self.sheet_id = 0

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        """Send a request below ``/v4/spreadsheets``; a good answer must fit the method's schema."""
        url = f"{self.server.endpoint}/v4/spreadsheets{path}"
        answer = self.session.request(method, url, json=body, params=query, timeout=30)
        match = match_route(method, urlsplit(answer.request.url or "").path)
        if answer.ok and match is not None and "fields" not in query:
            assert check_answer(match.method.id, answer.json()) == []
        return answer

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request on the spreadsheet and give its answer's JSON."""
        answer = self.send(method, f"/{self.spreadsheet_id}{path}", body, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def error(self, method: str, path: str, body: Any = None, **query: Any) -> Message:
        """Send a request that is refused and give the error."""
        answer = self.send(method, f"/{self.spreadsheet_id}{path}", body, **query)
        assert answer.status_code >= 400, answer.text
        error: Message = answer.json()["error"]
        return error

    # -- values

    def put(self, a1_range: str, values: list[list[Any]], option: str = "RAW", **query: Any) -> Message:
        """values.update"""
        found: Message = self.call(
            "PUT", f"/values/{quote(a1_range, safe='')}", {"values": values}, valueInputOption=option, **query
        )
        return found

    def type(self, a1_range: str, values: list[list[Any]]) -> Message:
        """values.update as typed by a person."""
        return self.put(a1_range, values, "USER_ENTERED")

    def values(self, a1_range: str, **query: Any) -> list[list[Any]]:
        """values.get"""
        found: list[list[Any]] = self.call("GET", f"/values/{quote(a1_range, safe='')}", **query).get("values", [])
        return found

    # -- batchUpdate

    def batch(self, *requests_: Message, **more: Any) -> list[Message]:
        """batchUpdate; gives the replies."""
        found: list[Message] = self.call("POST", ":batchUpdate", {"requests": list(requests_), **more})["replies"]
        return found

    def refused(self, *requests_: Message) -> str:
        """batchUpdate that is refused; gives the message."""
        error = self.error("POST", ":batchUpdate", {"requests": list(requests_)})
        assert error["status"] == "INVALID_ARGUMENT"
        return str(error["message"])

    def get(self, fields: str | None = None, **query: Any) -> Message:
        """spreadsheets.get"""
        if fields is not None:
            query["fields"] = fields
        found: Message = self.call("GET", "", **query)
        return found

    def sheet(self, fields: str = "*", place: int = 0) -> Message:
        """One tab of spreadsheets.get."""
        found: Message = self.get(f"sheets({fields})")["sheets"][place]
        return found

    def cells(self, a1_range: str, fields: str = "*") -> list[list[Message]]:
        """The CellData of a range."""
        data = self.get(f"sheets.data.rowData.values({fields})", ranges=a1_range)["sheets"][0]["data"][0]
        return [row.get("values", []) for row in data.get("rowData", [])]


def grid(row0: int | None = None, row1: int | None = None, col0: int | None = None, col1: int | None = None) -> Message:
    """A GridRange of the tab with the id 0."""
    sides = {"startRowIndex": row0, "endRowIndex": row1, "startColumnIndex": col0, "endColumnIndex": col1}
    return {"sheetId": 0, **{name: value for name, value in sides.items() if value is not None}}


def rows(start: int, end: int) -> Message:
    """A DimensionRange of rows of the tab with the id 0."""
    return {"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": end}


def columns(start: int, end: int) -> Message:
    """A DimensionRange of columns of the tab with the id 0."""
    return {**rows(start, end), "dimension": "COLUMNS"}
