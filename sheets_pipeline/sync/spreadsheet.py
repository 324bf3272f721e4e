"""Where tabs stand: a spreadsheet, the credential that reaches it, and a tab that stands in each of a list."""

from dataclasses import dataclass, field
from pathlib import Path

#: The spreadsheet of SPREADSHEET_ID, and the credential of GOOGLE_CREDENTIALS_JSON and its like.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Credential:
    """Who we are to Google: the key's text or file; neither for what the settings say. Quota of its own where given.

    ``hosts`` is the label of the hosts that have the key, None where all have it.
    """

    name: str = DEFAULT
    key_file: Path | None = None
    key: str | None = field(default=None, repr=False)
    reads_per_minute: int | None = None
    writes_per_minute: int | None = None
    hosts: str | None = None


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """One spreadsheet: its name among ours, Google's id, the address that people open, and who reaches it.

    ``part`` is its key in the list that it is of, None for one that stands by itself; ``owner`` is whom to ask about it.
    ``problem`` says why it cannot be used.
    """

    name: str
    id: str
    url: str
    credential: Credential = Credential()
    part: str | None = None
    owner: str = ""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Each:
    """Each spreadsheet of the list ``spreadsheets``; the column ``by`` of a row says into which of them it belongs."""

    spreadsheets: str
    by: str


def titled(title: str, spreadsheet: str) -> str:
    """A tab as people and ``--json`` name it: ``TITLE``, or ``TITLE @ SPREADSHEET`` outside of the default one."""
    return title if spreadsheet == DEFAULT else f"{title} @ {spreadsheet}"
