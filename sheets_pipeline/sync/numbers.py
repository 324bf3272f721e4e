"""The numbers of one sync of one tab, each named and described once: for its record, metadata, the command, API, metrics."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any


def _number(description: str, default: float = 0) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(kw_only=True)
class Work:
    """What was done."""

    rows: int = _number("Rows of ours in the tab.")
    inserts: int = _number("Rows inserted.")
    updates: int = _number("Rows updated.")
    deletes: int = _number("Rows deleted.")
    cells: int = _number("Cells written.")
    seconds: float = _number("Duration, on the wall clock.", 0.0)


@dataclass
class Traffic:
    """What the client sent and waited for."""

    read_requests: int = _number("Reads sent to the Sheets API.")
    write_requests: int = _number("Writes sent to the Sheets API.")
    bytes_sent: int = _number("Bytes sent to the Sheets API.")
    quota_wait_seconds: float = _number("Seconds that syncs waited for quota.", 0.0)
    retries: int = _number("Requests that were sent again.")
    refused_requests: int = _number("Answers of 429 that syncs waited out.")
    shared_requests: int = _number("Reads and writes by requests that another tab sent and counted.")

    def since(self, earlier: "Traffic") -> "Traffic":
        """The difference to an earlier copy."""
        return Traffic(*(getattr(self, each.name) - getattr(earlier, each.name) for each in fields(Traffic)))

    def copy(self) -> "Traffic":
        """The numbers as they are now."""
        return Traffic(*(getattr(self, each.name) for each in fields(Traffic)))


@dataclass(kw_only=True)
class SyncNumbers(Traffic, Work):
    """All of them."""

    set_aside: int = _number("Rows that cannot be written.")

    def as_dict(self) -> dict[str, Any]:
        """By name; seconds to the millisecond."""
        return {name: round(value, 3) if type(value) is float else value for name, value in asdict(self).items()}


#: Name → type and description of each.
NUMBERS: dict[str, tuple[type, str]] = {
    each.name: (int if each.type is int else float, each.metadata["description"]) for each in fields(SyncNumbers)
}

#: Those that the record of syncs keeps.
KEPT = [name for name in NUMBERS if name not in ("retries", "shared_requests")]
