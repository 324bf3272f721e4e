"""The Apps Script of a spreadsheet in tests: setting it, running it, and what a person does at the page that fires it.

script = local_sheets.script(spreadsheet_id)
script.set(Path("Code.gs").read_text(), manifest=Path("appsscript.json").read_text())
script.run("setup", answers=["https://example.org/hook", "secret"])
script.type("Orders!B2", "sent")
[execution] = script.wait_for_executions(1, event_type="ON_EDIT")
"""

import re
import time
from collections.abc import Callable
from typing import Any

from local_sheets.a1 import Area, parse_range

_SESSION = re.compile(r'name="local-sheets-session" content="([^"]+)"')
_OVER = ("COMPLETED", "FAILED", "TIMED_OUT", "CANCELED")


class ScriptOfSpreadsheet:
    """One spreadsheet's script, and a person at its page.

    Args:
        call: Sends a request to the server: method, path, body, headers; gives the answer's JSON.
        read: Reads a page of the server as text.
        spreadsheet_id: The spreadsheet.
    """

    def __init__(self, call: Callable[..., Any], read: Callable[[str], str], spreadsheet_id: str) -> None:
        self._call, self._read, self.spreadsheet_id = call, read, spreadsheet_id
        self._base = f"/_local/apps-script/{spreadsheet_id}"
        self._headers: dict[str, str] = {}

    # -- the script

    def set(self, code: str, *, manifest: str | None = None, **files: str) -> dict[str, Any]:
        """Set ``Code``, the manifest and further files by name; gives what the server says of the script."""
        named = [
            {"name": name, "type": "SERVER_JS", "source": source} for name, source in {"Code": code, **files}.items()
        ]
        if manifest is not None:
            named.append({"name": "appsscript", "type": "JSON", "source": manifest})
        return dict(self._call("PUT", f"{self._base}/content", {"files": named}))

    def state(self) -> dict[str, Any]:
        """Files, functions, triggers, menus and names of properties."""
        return dict(self._call("GET", self._base))

    def install(self, function: str, event_type: str, **more: float) -> str:
        """Install a trigger (``ON_EDIT``, ``ON_CHANGE``, ``ON_OPEN``, ``CLOCK``); gives its id."""
        wanted = {"function": function, "eventType": event_type, **more}
        return str(self._call("POST", f"{self._base}/triggers", wanted)["uid"])

    def set_properties(self, **properties: str) -> None:
        """Set script properties."""
        self._call("PUT", f"{self._base}/properties", properties)

    def run(self, function: str, *parameters: Any, answers: list[Any] | None = None) -> dict[str, Any]:
        """Run a function to its end: ``result`` and ``execution``; ``answers`` go to its dialogs."""
        body: dict[str, Any] = {"function": function, "parameters": list(parameters), "answers": answers or []}
        return dict(self._call("POST", f"{self._base}/run", body))

    def executions(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """Oldest first; with ``event_type`` only what this event fired."""
        found = self._call("GET", f"{self._base}/executions")["executions"][::-1]
        return [one for one in found if event_type is None or one["eventType"] == event_type]

    def wait_for_executions(
        self, count: int, event_type: str | None = None, seconds: float = 30
    ) -> list[dict[str, Any]]:
        """Wait until so many are over.

        Raises:
            TimeoutError: They are not within the time.
        """
        end = time.monotonic() + seconds
        while True:
            found = [one for one in self.executions(event_type) if one["processStatus"] in _OVER]
            if len(found) >= count:
                return found
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {count} executions ended within {seconds} seconds.")
            time.sleep(0.01)

    # -- a person at the page

    def type(self, a1_range: str, text: str, **edited: Any) -> None:
        """Type into a cell such as ``Orders!B2``."""
        request = {"valuesUpdate": {"range": a1_range, "values": [[text]]}}
        self.edit(request, a1_range, **edited)

    def paste(self, a1_range: str, rows: list[list[Any]], **edited: Any) -> None:
        """Paste a block that fills the range."""
        self.edit({"valuesUpdate": {"range": a1_range, "values": rows}}, a1_range, isTyped=False, **edited)

    def clear(self, a1_range: str, **edited: Any) -> None:
        """Delete what stands in the range."""
        self.edit({"valuesClear": {"range": a1_range}}, a1_range, **edited)

    def edit(
        self, request: dict[str, Any], a1_range: str | None = None, change_type: str = "EDIT", **edited: Any
    ) -> None:
        """One edit on the page as its scripts send it: ``valuesUpdate``, ``valuesClear`` or ``batchUpdate``.

        ``user=""`` is somebody of whom Google would not tell the address.
        """
        told: dict[str, Any] = {"changeType": change_type, "ranges": [], **edited}
        if a1_range is not None:
            told |= self._place(a1_range)
        path = f"/page/api/spreadsheets/{self.spreadsheet_id}/edits"
        self._call("POST", path, {"client": "test", "request": request, "edited": told}, self._session())

    def open(self) -> None:
        """Open the spreadsheet on the page."""
        self._call("POST", f"{self._base}/opened")

    def _place(self, a1_range: str) -> dict[str, Any]:
        tabs = self._call("GET", f"/page/api/spreadsheets/{self.spreadsheet_id}", None, self._session())["tabs"]
        area = parse_range(a1_range, {tab["title"] for tab in tabs}, {})
        tab = next(tab for tab in tabs if area.title in (None, tab["title"]))
        return {"sheetId": tab["sheetId"], "ranges": [_grid_range(area, tab)]}

    def _session(self) -> dict[str, str]:
        if not self._headers:
            found = _SESSION.search(self._read(f"/spreadsheets/d/{self.spreadsheet_id}/edit"))
            if found is None:
                raise RuntimeError("The page of Local Sheets names no session.")
            self._headers = {"X-Local-Sheets-Session": found[1]}
        return self._headers


def _grid_range(area: Area, tab: dict[str, Any]) -> dict[str, int]:
    return {
        "startRowIndex": area.row0 or 0,
        "endRowIndex": tab["rowCount"] if area.row1 is None else area.row1,
        "startColumnIndex": area.col0 or 0,
        "endColumnIndex": tab["columnCount"] if area.col1 is None else area.col1,
    }
