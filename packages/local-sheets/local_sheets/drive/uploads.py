"""Files that become spreadsheets: what Drive's upload methods do with CSV, TSV and XLSX."""

import base64
import binascii
import csv
import io
import re
from collections.abc import Callable
from typing import Any

import orjson

from local_sheets.drive.errors import bad_request
from local_sheets.drive.export import XLSX
from local_sheets.limits import check_size
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.spreadsheets_api.defaults import COLUMNS, ROWS, sheet_properties
from local_sheets.values_api.writing import write_rows

#: An import sets the time zone of the importing service; recorded from Google.
IMPORT_TIME_ZONE = "America/Los_Angeles"

_DELIMITERS = {"text/csv": ",", "text/tab-separated-values": "\t", "text/plain": ","}


def read_contents(content: bytes, content_type: str) -> Callable[[Transaction], None]:
    """What puts an uploaded file's contents in the place of all tabs of a spreadsheet.

    Raises:
        DriveError: 400, it is of another type, or not what its type says.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == XLSX:
        from local_sheets.drive.xlsx import put_workbook, read_workbook  # what reads them takes long to import

        book = read_workbook(content)
        return lambda tx: _replace(tx, lambda: put_workbook(tx, book))
    if kind not in _DELIMITERS:
        known = ", ".join((*_DELIMITERS, XLSX))
        raise bad_request(f"Local Sheets makes no spreadsheet of {kind or 'content without a type'}. Send {known}.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise bad_request("The content is not in UTF-8.") from None
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_DELIMITERS[kind]))
    return lambda tx: _replace(tx, lambda: _put_table(tx, rows))


def _replace(tx: Transaction, put: Callable[[], None]) -> None:
    """Take all tabs away, and let others be put there."""
    sheet = tx.spreadsheet
    for key in list(sheet.metadata):
        tx.set_metadata(key, None)
    for tab in sheet.tabs:
        tx.note_tab(tab, "deleted")
    sheet.tabs, sheet.named_ranges = [], []
    put()
    sheet.properties["timeZone"] = IMPORT_TIME_ZONE


def _put_table(tx: Transaction, rows: list[list[str]]) -> None:
    """One tab, named as the spreadsheet, that holds the rows as if typed."""
    sheet = tx.spreadsheet
    height, width = max(len(rows), ROWS), max(max(map(len, rows), default=0), COLUMNS)
    grid = {"gridProperties": {"rowCount": height, "columnCount": width}}
    fresh = Tab({"properties": sheet_properties(sheet.new_sheet_id(), sheet.title[:100], grid)})
    check_size(tx, None, height, width)
    sheet.tabs = [fresh]
    tx.note_tab(fresh, "added")
    if rows:
        write_rows(tx, fresh.rect(0, len(rows), 0, width), rows, as_typed=True)


def read_multipart(body: bytes, content_type: str) -> tuple[dict[str, Any], bytes, str]:
    """The parts of a ``multipart/related`` upload: the file's data, the content and the content's type.

    Raises:
        DriveError: 400, it has not these two parts.
    """
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if match is None:
        raise bad_request("Missing boundary in multipart content.")
    parts = [part.strip(b"\r\n") for part in body.split(b"--" + match[1].encode())[1:]]
    read = [_read_part(part) for part in parts if part and part != b"--"]
    if len(read) != 2:
        raise bad_request("Multipart content must have two parts: the file's data as JSON, and its content.")
    (_, metadata), (kind, content) = read
    try:
        found: dict[str, Any] = orjson.loads(metadata)
    except orjson.JSONDecodeError:
        raise bad_request("Parse Error") from None
    return found, content, kind


def _read_part(part: bytes) -> tuple[str, bytes]:
    """Content type and content of one part; PHP's client sends it in base64.

    Raises:
        DriveError: 400, it is not in base64 as it says.
    """
    separator = b"\r\n\r\n" if b"\r\n\r\n" in part else b"\n\n"
    head, _, content = part.partition(separator)
    match = re.search(rb"content-type:\s*([^\r\n]+)", head, re.IGNORECASE)
    if re.search(rb"content-transfer-encoding:\s*base64", head, re.IGNORECASE):
        try:
            content = base64.b64decode(content)
        except binascii.Error:
            raise bad_request("The content is not in base64, as its Content-Transfer-Encoding says.") from None
    return (match[1].decode("latin-1") if match else ""), content
