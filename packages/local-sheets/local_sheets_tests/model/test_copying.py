"""Tests of packages/local-sheets/local_sheets/model/copying.py."""

from typing import Any

from local_sheets.model.copying import copied


def test_no_part_of_a_copy_is_shared():
    message: dict[str, Any] = {
        "properties": {"title": "A", "index": 0},
        "merges": [{"rows": [1, 2]}],
        "seen": ({"by": []},),
    }
    copy = copied(message)
    assert copy == message
    message["properties"]["title"] = "B"
    message["merges"][0]["rows"].append(3)
    message["seen"][0]["by"].append("somebody")
    assert copy == {"properties": {"title": "A", "index": 0}, "merges": [{"rows": [1, 2]}], "seen": ({"by": []},)}
