"""Notes in cells whose edits were not taken: what they say, which are to be written, and which are people's."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sheets_pipeline.sync.batches import Piece, dump

#: A cell (0-based): row, column.
Place = tuple[int, int]

#: Characters of what was typed that a note repeats.
_MOST_TYPED = 200


def note_text(typed: str, when: str, reason: str, number: int) -> str:
    """What a note says; the edit's number makes it differ from all other notes."""
    shown = typed if len(typed) <= _MOST_TYPED else typed[: _MOST_TYPED - 1] + "…"
    what = f"“{shown}”" if shown else "emptying the cell"
    why = reason[:1].upper() + reason[1:]
    return (
        f"Not taken: {what}, {when}.\n{why}.\nThe cell shows what the database holds. (Sheets Pipeline, edit {number})"
    )


def row_note_text(when: str, reason: str, number: int) -> str:
    """What is noted on a row that was typed and not inserted."""
    why = reason[:1].upper() + reason[1:]
    return (
        f"Not inserted: this row, {when}.\n{why}.\n"
        f"Once somebody changes the row, it is tried again. (Sheets Pipeline, edit {number})"
    )


def row_note_number(text: str) -> int | None:
    """The number of the edit of which such a note tells, whatever the reason; None where it is no such note."""
    found = _ROW_NOTE.fullmatch(text)
    return int(found[1]) if found else None


_ROW_NOTE = re.compile(
    re.escape(row_note_text("*", "*", 0)).replace(r"\*", ".*").replace("edit\\ 0", r"edit (\d{1,18})"), re.S
)


class CellNote(NamedTuple):
    """What the note of a cell is to say, and what is known of it.

    ``written`` is the note of ours that stands there; ``sent`` one that was on its way when its outcome was lost, or when
    people moved rows: it may stand in another cell of the column.
    """

    key: str
    column: str
    wanted: str | None
    written: str | None = None
    sent: str | None = None


@dataclass(slots=True)
class NoteChanges:
    """Notes to write, cell by cell (blank: take it away), and what is known once they are written.

    ``gone`` are those of which nothing is to be remembered: their row has left, or a note of people's stands there.
    """

    writes: dict[Place, str] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    settled: list[CellNote] = field(default_factory=list)
    gone: list[CellNote] = field(default_factory=list)

    def pieces(self, sheet_id: int) -> Iterator[Piece]:
        """The requests, each with the key that its row must hold."""
        for (row, column), text in sorted(self.writes.items()):
            start = {"sheetId": sheet_id, "rowIndex": row, "columnIndex": column}
            cell = {"note": text} if text else {}
            request = {"updateCells": {"start": start, "fields": "note", "rows": [{"values": [cell]}]}}
            yield Piece(dump(request), 0, [], {row: self.keys[row]} if row in self.keys else {})


def note_changes(
    notes: Collection[CellNote], row_of: Mapping[str, int], layout: Mapping[str, int], there: Mapping[Place, str]
) -> NoteChanges:
    """What is to be done, where the notes in ``there`` stand: those of the cells, and for ``sent`` ones of all their column.

    Only what we wrote ourselves, letter by letter, is ever replaced or taken away: a note that somebody wrote or added to
    is theirs.
    """
    changes = NoteChanges()
    for note in notes:
        row, column = row_of.get(note.key), layout.get(note.column)
        if note.sent is not None and column is not None:
            strays = [place for place, text in there.items() if text == note.sent and place[1] == column]
            changes.writes |= {place: "" for place in strays if place[0] != row}
        if row is None or column is None:
            changes.gone.append(note)
            continue
        text = there.get((row, column), "")
        if text and text not in (note.written, note.sent, note.wanted):
            changes.gone.append(note)
            continue
        if text != (note.wanted or ""):
            changes.writes[row, column] = note.wanted or ""
            changes.keys[row] = note.key
        changes.settled.append(note)
    return changes
