"""What the OpenAPI document says is said by what it is made of."""

from sheets_pipeline.control.models import LogLine
from sheets_pipeline.sync.numbers import KEPT, NUMBERS


def test_the_numbers_of_a_sync_are_described_and_may_be_null() -> None:
    schema = LogLine.model_json_schema()
    assert (schema["title"], schema["description"].split(".")[0]) == (
        "LogLine",
        "One sync of one tab, or a run that is under way",
    )
    for name in KEPT:
        described = schema["properties"][name]
        assert described["description"] == NUMBERS[name][1]
        assert {"type": "null"} in described["anyOf"]
