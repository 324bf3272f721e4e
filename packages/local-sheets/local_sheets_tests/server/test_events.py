"""Tests of packages/local-sheets/local_sheets/server/events.py."""

import asyncio

from local_sheets.server.events import Events


def test_a_message_is_made_only_where_somebody_listens():
    made = []
    events = Events()

    def message() -> dict[str, int]:
        made.append(1)
        return {"number": len(made)}

    async def listen() -> bytes:
        events.publish("change", message)
        stream = events.stream(lambda kind, _: kind == "change")
        await anext(stream)
        events.publish("change", message)
        return await anext(stream)

    assert asyncio.run(listen()) == b'event: change\ndata: {"number":1}\n\n'
