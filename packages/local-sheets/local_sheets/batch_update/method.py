"""``spreadsheets.batchUpdate``: all requests in order, all or none."""

from typing import Any

from local_sheets.api_error import ApiError, invalid
from local_sheets.batch_update.registry import HANDLERS
from local_sheets.call import Answer, Call
from local_sheets.model.transaction import Transaction
from local_sheets.references import read_rect
from local_sheets.spreadsheets_api.answer import spreadsheet_message


def batch_update(tx: Transaction, call: Call) -> Answer:
    """spreadsheets.batchUpdate"""
    requests = call.body.get("requests", [])
    if not requests:
        raise invalid("Must specify at least one request.")
    replies = [run_request(tx, request, index) for index, request in enumerate(requests)]
    call.cells, call.summary = tx.cells_written, _summary(requests)
    answer: Answer = {"spreadsheetId": tx.spreadsheet.spreadsheet_id, "replies": replies}
    if call.body.get("includeSpreadsheetInResponse"):
        tx.settle()
        answer["updatedSpreadsheet"] = _updated(tx, call)
    return answer


def run_request(tx: Transaction, request: dict[str, Any], index: int) -> Answer:
    """Run one request and return its reply; ``{}`` for kinds without one.

    Raises:
        ApiError: It is invalid, with its place in front; nothing may be kept of the batch then.
    """
    kind = next(iter(request), None)
    if kind is None:
        raise invalid(f"Invalid requests[{index}]: No request set.")
    handler = HANDLERS.get(kind)
    if handler is None:
        raise invalid(f"Invalid requests[{index}].{kind}: Local Sheets does not carry out {kind} requests.")
    try:
        reply = handler(tx, request[kind])
    except ApiError as error:
        raise error.at(f"requests[{index}].{kind}") from None
    return {} if reply is None else {kind: reply}


def _summary(requests: list[dict[str, Any]]) -> str:
    """Kinds and numbers for the log: ``2 updateCells, 1 addSheet``."""
    counts: dict[str, int] = {}
    for request in requests:
        for kind in request:
            counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())[:200]


def _updated(tx: Transaction, call: Call) -> Answer:
    texts = call.body.get("responseRanges", [])
    ranges = [read_rect(tx.spreadsheet, text) for text in texts] if texts else None
    with_data = bool(call.body.get("responseIncludeGridData"))
    return spreadsheet_message(tx.spreadsheet, call.site, None, ranges, with_data, call.caller)
