"""Moves rows from one tab to another with all that stands beside them: each row is in exactly one tab at every moment.

One write request makes room in the target, copies whole rows there and deletes them in the source. Google applies it
whole or not at all, so no reader ever sees a row in both tabs or in neither. Rows are addressed by number; the answer
carries the keys of the rows that really moved, and rows that were not meant, because people sorted meanwhile, go back.
"""

import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

import orjson

from sheets_pipeline.errors import OutcomeUnknown, RequestRejected, SheetsUnavailable
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.memory import TabFacts
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sheets.rounds import TabLook
from sheets_pipeline.sheets.writer import MAX_ROUNDS, TabWriter
from sheets_pipeline.sync.archive import ColumnMap, map_columns
from sheets_pipeline.sync.columns import column_requests
from sheets_pipeline.sync.guards import check_size
from sheets_pipeline.sync.snapshot import row_runs
from sheets_pipeline.sync.tab_order import index_of_new_tab, position_requests

logger = logging.getLogger(__name__)

#: Runs of neighbouring rows in one request: each is two to a few requests inside it.
MAX_RUNS = 400

#: Called with keys that are known to stand in the target: what is remembered of them goes along.
HandOver = Callable[[Collection[str]], None]


class RowMover:
    """Moves rows between two tabs with the same columns; the lock of both is held by the caller.

    ``still_ours`` raises once that lock is lost; it is called before each write.
    """

    def __init__(
        self, source: TabWriter, target: TabWriter, hand_over: HandOver, still_ours: Callable[[], None] | None
    ) -> None:
        self.source, self.target, self.hand_over = source, target, hand_over
        self.client, self.still_ours = source.client, still_ours or (lambda: None)
        self.moved = 0

    def move(self, keys: Collection[str]) -> set[str]:
        """Move the rows with these keys; those that are not in the source are no error.

        Returns:
            All keys that stand in the target afterwards.

        Raises:
            NeedsFullSync: The source is not there.
            SheetsUnavailable: Answers were lost or people moved rows again and again; every row is in one of the tabs.
        """
        wanted, failures = set(keys), 0
        while failures < MAX_ROUNDS:
            if (source := self.source.look()) is None:
                raise NeedsFullSync(self.source.tab.title)
            try:
                if (target := self.target.look()) is None:
                    self._create_target(source)
                    continue
                self.hand_over(wanted & target.row_of.keys())
                rows = {row: key for key, row in source.row_of.items() if key in wanted and key not in target.row_of}
                if not rows:
                    return set(target.row_of)
                failures += not self._send(source, target, rows, wanted)
            except (OutcomeUnknown, RequestRejected) as error:
                logger.warning("Moving rows to tab %r: %s Reading both tabs.", self.target.tab.title, error)
                failures += 1
                time.sleep(min(0.25 * 2.0**failures, 8))
        raise SheetsUnavailable(
            f"Rows of tab {self.source.tab.title!r} could not be moved to {self.target.tab.title!r} in {MAX_ROUNDS} rounds: "
            "answers were lost, or people moved rows each time. Every row is in one of the tabs; the next sync goes on."
        )

    def _create_target(self, source: TabLook) -> None:
        """A tab whose columns stand where the source's do, so that formulas beside the rows keep what they refer to."""
        spreadsheet, tab = access.read_spreadsheet(self.client), self.target.tab
        columns, sheet_id = source.snapshot.column_count, secrets.randbelow(2**31 - 1) + 1
        check_size(tab.title, spreadsheet.cells, 2 * columns, len(spreadsheet.sheets) + 1)
        grid = {"rowCount": 2, "columnCount": columns, "frozenRowCount": 1}
        index = index_of_new_tab(tab.position, [sheet.position for sheet in spreadsheet.sheets])
        requests: list[dict[str, Any]] = [
            {
                "addSheet": {
                    "properties": {"sheetId": sheet_id, "title": tab.title, "index": index, "gridProperties": grid}
                }
            },
            *position_requests(sheet_id, tab.position),
            _copy(source.sheet_id, sheet_id, 0, 0, 1, (0, 0, columns)),
        ]
        for name, place in source.layout.items():
            cells = source.snapshot.column_cells(place)
            requests += column_requests(sheet_id, place, tab.column(name), cells)
        facts = TabFacts(sheet_id, spreadsheet.time_zone, source.layout, self.target.memory.now())
        self.target.memory.save_facts(facts)
        self.still_ours()
        access.apply_requests(self.client, orjson.dumps(requests), tab.title, [], [])

    def _send(self, source: TabLook, target: TabLook, rows: dict[int, str], wanted: set[str]) -> bool:
        """Move some of these rows in one request; False where others moved instead."""
        runs = row_runs(sorted(rows))[:MAX_RUNS]
        arrived = self._transfer(source, target, runs, self.target)
        meant = {key for key in arrived.values() if key in wanted}
        self.moved += len(meant)
        self.hand_over(meant)
        wrong = [row for row, key in arrived.items() if key not in wanted]
        if not wrong:
            return True
        logger.warning(
            "Tab %r: %d rows were moved by people meanwhile; they go back", source.snapshot.title, len(wrong)
        )
        if (now := self.source.look()) and (target_now := self.target.look()):
            keys = {row: key for key, row in target_now.row_of.items()}
            still = [row for row in wrong if keys.get(row, "") == arrived[row]]
            self._transfer(target_now, now, row_runs(still), self.source) if still else None
        return False

    def _transfer(
        self, source: TabLook, target: TabLook, runs: list[tuple[int, int]], writer: TabWriter
    ) -> dict[int, str]:
        """One write request; gives row → key of the rows as they now stand in the target."""
        columns = map_columns(source.snapshot, source.layout, target.snapshot, target.layout)
        first, count = target.snapshot.last_row, sum(end - start for start, end in runs)
        requests = list(_requests(source, target, runs, columns))
        logger.info("Moving %d rows from %r to %r", count, source.snapshot.title, target.snapshot.title)
        self.still_ours()
        key_columns = [target.layout[name] for name in writer.tab.key]
        rows = list(range(first, first + count))
        return access.apply_requests(self.client, orjson.dumps(requests), target.snapshot.title, key_columns, rows)


def _requests(
    source: TabLook, target: TabLook, runs: list[tuple[int, int]], columns: ColumnMap
) -> Iterator[dict[str, Any]]:
    from_id, to_id, first = source.sheet_id, target.sheet_id, target.snapshot.last_row
    count = sum(end - start for start, end in runs)
    if (missing := columns.width - target.snapshot.column_count) > 0:
        yield {"appendDimension": {"sheetId": to_id, "dimension": "COLUMNS", "length": missing}}
    for place, column in columns.new_headers.items():
        yield _copy(from_id, to_id, 0, 0, 1, (column, place, 1))
    # New rows, so that nothing which people put there meanwhile can be written over.
    room = {"sheetId": to_id, "dimension": "ROWS", "startIndex": first, "endIndex": first + count}
    yield {"insertDimension": {"range": room, "inheritFromBefore": True}}
    to_row = first
    for start, end in runs:
        for run in columns.runs:
            yield _copy(from_id, to_id, start, to_row, end - start, run)
        to_row += end - start
    if count >= source.snapshot.row_count - 1:  # Google refuses to delete all rows that are not frozen
        yield {"appendDimension": {"sheetId": from_id, "dimension": "ROWS", "length": 1}}
    for start, end in reversed(runs):
        gone = {"sheetId": from_id, "dimension": "ROWS", "startIndex": start, "endIndex": end}
        yield {"deleteDimension": {"range": gone}}


def _copy(
    from_id: int, to_id: int, from_row: int, to_row: int, rows: int, columns: tuple[int, int, int]
) -> dict[str, Any]:
    """Values, formulas, formats and merges of a block; ``columns`` are source, target and how many."""
    source, target, length = columns

    def block(sheet_id: int, row: int, column: int) -> dict[str, int]:
        return {
            "sheetId": sheet_id,
            "startRowIndex": row,
            "endRowIndex": row + rows,
            "startColumnIndex": column,
            "endColumnIndex": column + length,
        }

    places = {"source": block(from_id, from_row, source), "destination": block(to_id, to_row, target)}
    return {"copyPaste": {**places, "pasteType": "PASTE_NORMAL"}}
