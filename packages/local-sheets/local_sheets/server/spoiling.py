"""Faults for doors other than the Sheets API: they spoil an answer, or keep the work from being done."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import HTMLResponse, Response

from local_sheets.server.api import ConnectionLost
from local_sheets.server.context import Server
from local_sheets.server.faults import Fault
from local_sheets.server.request_log import Entry


async def answer_or_fault(
    server: Server,
    entry: Entry,
    kind: str,
    path: str,
    work: Callable[[], Awaitable[Response]],
    refuse: Callable[[Fault], Response],
) -> Response:
    """The answer, or what a fault for the entry's method makes of it; rules for all methods are for those of Sheets.

    Args:
        kind: ``read`` or ``write``.
        work: Makes the answer.
        refuse: Makes the answer of an error, where the fault has no body of its own.

    Raises:
        ConnectionLost: A fault wants the connection cut.
    """
    fault = server.faults.pick_named(entry.method, kind, path)
    if fault is None:
        return await work()
    entry.fault = f"{fault.action}{' after' if fault.after else ''}"
    is_done = fault.after or fault.action == "delay"
    server.faults.record(fault, entry.method, applied=fault.after)
    if fault.action != "reset":
        await asyncio.sleep(fault.seconds)
    response = await work() if is_done else None
    if fault.action == "delay" and response is not None:
        return response
    if fault.action != "error":
        raise ConnectionLost
    return refuse(fault) if fault.body is None else HTMLResponse(fault.body, fault.status)
