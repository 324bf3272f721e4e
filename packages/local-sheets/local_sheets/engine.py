"""All spreadsheets of one data folder: finding, opening, creating, changing and deleting them.

The engine knows nothing of HTTP. It is used from one thread at a time per spreadsheet: whoever calls ``change`` or
reads an opened spreadsheet outside of the server's event loop holds that spreadsheet's lock.
"""

import asyncio
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from local_sheets import imports
from local_sheets.api_error import ApiError, not_found
from local_sheets.cell_values.model import Formula
from local_sheets.change_marks import ChangeNumbers, change_number, mark_change, timestamp
from local_sheets.formulas.evaluator import evaluate
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.operands import Rows
from local_sheets.model.cell import entered
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.transaction import Transaction
from local_sheets.recalculation import Calculation, recalculate
from local_sheets.store import SpreadsheetFile
from local_sheets.table_columns import name_columns
from local_sheets.versions import Version, put_back
from local_sheets.workbook import Importer, SpreadsheetWorkbook

Answer = TypeVar("Answer")
Listener = Callable[[Transaction], None]

_SUFFIX = ".sqlite3"
#: Files open at the same time; each takes three file descriptors.
MOST_OPEN = 64
#: Changes with larger bodies may take long.
_BIG_BODY = 300_000
_SIGN = re.compile(rb"[=+\-\\]")
_TYPED_FORMULA = re.compile(rb'"(?: |\xc2\xa0)*[=+\-\\]')
#: Work on spreadsheets with more used rows than this may take long.
_MANY_ROWS = 20_000


@dataclass(slots=True)
class _Entry:
    """A spreadsheet's file, and the spreadsheet itself once somebody asked for it."""

    file: SpreadsheetFile
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sheet: Spreadsheet | None = None
    head: dict[str, Any] | None = None
    calculation: Calculation | None = None
    #: Grows with each use.
    used: int = 0
    #: Held while the spreadsheet is read from disk or changed: others that import from it do not wait for it.
    changing: threading.RLock = field(default_factory=threading.RLock)
    #: A spreadsheet that this one imports from changed.
    is_behind: bool = False


class Engine:
    """The spreadsheets under ``data_dir/spreadsheets``. ``listeners`` hear of each committed change."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "spreadsheets"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._entries: dict[str, _Entry] = {}
        self._uses = count(1)
        self.listeners: list[Listener] = []
        #: Hear of results that changed because another spreadsheet did.
        self.result_listeners: list[Listener] = []
        #: Hear of spreadsheets that import from one that changed, by id.
        self.behind_listeners: list[Callable[[str], None]] = []
        self._importers = imports.Importers()
        #: Of all changes, also of those that Drive makes beside the spreadsheets.
        self.numbers = ChangeNumbers()
        #: Spreadsheets whose files are open at the same time.
        self.most_open = MOST_OPEN
        for path in sorted(self._folder.glob("*" + _SUFFIX)):
            self._discover(path)

    def _discover(self, path: Path) -> None:
        """Take in a file; one without a committed spreadsheet is left over from a killed creation and is removed."""
        entry = _Entry(SpreadsheetFile(path))
        entry.head = entry.file.head()
        if entry.head is None:
            _remove(path)
        else:
            self._entries[path.name.removesuffix(_SUFFIX)] = entry
            self.numbers.start_after(change_number(entry.head["file"]))
            self._importers.put(path.name.removesuffix(_SUFFIX), imports.donors(entry.head["file"]))

    def _close_idle(self) -> None:
        """Close the files that were not used for the longest time, where there are many."""
        opened = [entry for entry in list(self._entries.values()) if entry.file.is_open]
        for entry in sorted(opened, key=lambda entry: entry.used)[: max(0, len(opened) - self.most_open)]:
            if not entry.lock.locked():
                entry.file.close()

    def close(self) -> None:
        for entry in self._entries.values():
            entry.file.close()

    def __contains__(self, spreadsheet_id: str) -> bool:
        return spreadsheet_id in self._entries

    def lock(self, spreadsheet_id: str) -> asyncio.Lock:
        """Held by whoever works on the spreadsheet.

        Raises:
            ApiError: No spreadsheet has this id.
        """
        return self._entry(spreadsheet_id).lock

    def heads(self) -> dict[str, dict[str, Any]]:
        """Properties, permissions and file data of all spreadsheets by id, without opening any."""
        found = {}
        for key, entry in list(self._entries.items()):
            sheet = entry.sheet
            if sheet is None:
                found[key] = entry.head or {}
            else:
                found[key] = {"properties": sheet.properties, "permissions": sheet.permissions, "file": sheet.file}
        return found

    def _entry(self, spreadsheet_id: str) -> _Entry:
        entry = self._entries.get(spreadsheet_id)
        if entry is None:
            raise not_found()
        entry.used = next(self._uses)
        return entry

    def open(self, spreadsheet_id: str) -> Spreadsheet:
        """The spreadsheet, read from disk the first time; what it imports is up to date.

        Raises:
            ApiError: No spreadsheet has this id.
        """
        entry = self._entry(spreadsheet_id)
        if entry.sheet is not None and not entry.is_behind:
            return entry.sheet
        with entry.changing:
            if entry.sheet is None:
                entry.sheet = entry.file.load(spreadsheet_id)
                entry.is_behind = entry.is_behind or bool(imports.donors(entry.sheet.file))
                self._close_idle()
            if entry.is_behind:
                self._catch_up(entry, entry.sheet)
        return entry.sheet

    def may_take_long(self, spreadsheet_id: str, *, is_small: bool = False) -> bool:
        """Whether work on the spreadsheet may take long: it is not read yet, has formulas, or many rows.

        Args:
            spreadsheet_id: Of a spreadsheet that is here.
            is_small: It is known to read a few cells and nothing else; then only what has to come before counts.
        """
        entry = self._entry(spreadsheet_id)
        if entry.sheet is None or entry.is_behind:
            return True
        if is_small:
            return False
        tabs = entry.sheet.tabs
        calculates = entry.calculation is not None or any(tab.rows.may_calculate for tab in tabs)
        return calculates or sum(len(tab.rows) for tab in tabs) > _MANY_ROWS

    def changes_quickly(self, spreadsheet_id: str) -> bool:
        """Whether to change a few cells takes no time, whatever the number of rows: nothing is calculated from them."""
        entry = self._entry(spreadsheet_id)
        if entry.sheet is None or entry.is_behind or entry.calculation is not None:
            return False
        return not any(tab.rows.may_calculate for tab in entry.sheet.tabs)

    def create(self, properties: dict[str, Any], fill: Callable[[Transaction], None]) -> Spreadsheet:
        """Make a spreadsheet; ``fill`` gives it its tabs and owner. It exists on disk once this returns."""
        spreadsheet_id = new_spreadsheet_id()
        sheet = Spreadsheet(spreadsheet_id, properties)
        tx = Transaction(sheet)
        fill(tx)
        entry = _Entry(SpreadsheetFile(self._folder / (spreadsheet_id + _SUFFIX)), sheet=sheet)
        entry.calculation = recalculate(tx, None, self._importer(sheet), are_shown=False)
        with self.numbers.take() as number:
            now = timestamp()
            sheet.file = {"createdTime": now, "modifiedTime": now, **sheet.file, "change": [number, now]}
            entry.file.save(tx)
            self._entries[spreadsheet_id] = entry
        entry.used = next(self._uses)
        self._close_idle()
        self._tell(tx)
        return sheet

    def change(self, spreadsheet_id: str, work: Callable[[Transaction], Answer], editor: str | None = None) -> Answer:
        """Run ``work`` as one transaction: all of it is on disk when this returns, or nothing is changed at all."""
        entry = self._entry(spreadsheet_id)
        with entry.changing:
            sheet = self.open(spreadsheet_id)
            tx = Transaction(sheet)
            tx.editor = editor
            answer = self._carry_out(entry, tx, work)
        self._tell(tx)
        self._fall_behind(spreadsheet_id)
        return answer

    def _carry_out(self, entry: _Entry, tx: Transaction, work: Callable[[Transaction], Answer]) -> Answer:
        settled = False

        def settle() -> None:
            nonlocal settled
            settled = True
            name_columns(tx)
            entry.calculation = recalculate(tx, entry.calculation, self._importer(tx.spreadsheet))

        tx.settle = settle
        try:
            answer = work(tx)
            settle()
            if not entry.file.is_open:
                self._close_idle()
            with self.numbers.take() as number:
                mark_change(tx, number)
                entry.file.save(tx)
        except BaseException:
            tx.rollback()
            if settled:
                entry.calculation = None  # it knows of formulas that are gone again
            raise
        return answer

    # -- cells of other spreadsheets

    def allow_import(self, spreadsheet_id: str, donor: str) -> None:
        """Let a spreadsheet's IMPORTRANGE read another one, from now on.

        Raises:
            ApiError: One of them does not exist.
        """
        self._entry(donor)

        def work(tx: Transaction) -> None:
            tx.spreadsheet.file = imports.with_donor(tx.spreadsheet.file, donor)

        self.change(spreadsheet_id, work)
        self._importers.put(spreadsheet_id, [donor])
        self._entry(spreadsheet_id).is_behind = True
        self._fall_behind(spreadsheet_id)
        self.open(spreadsheet_id)

    def asked_donor(self, spreadsheet_id: str, sheet_id: int, row: int, col: int) -> str | None:
        """The spreadsheet that a cell's formula may not read yet, None where it needs no permission.

        Raises:
            ApiError: There is no such spreadsheet.
        """
        sheet = self.open(spreadsheet_id)
        tab, refused = sheet.tab_by_id(sheet_id), list[str]()

        def read(text: str, cells: str) -> Rows:
            donor = imports.donor_id(text)
            try:
                return self._imported(sheet, donor, cells)
            except Fault as fault:
                refused.extend([donor] if fault.error == imports.NOT_ALLOWED else [])
                raise

        formula = None if tab is None else entered(tab.cell(row, col))
        if tab is None or not isinstance(formula, Formula):
            return None
        evaluate(formula.text, tab.title, row, col, SpreadsheetWorkbook(sheet, read))
        return refused[0] if refused else None

    def _importer(self, sheet: Spreadsheet) -> Importer:
        return lambda text, cells: self._imported(sheet, imports.donor_id(text), cells)

    def _imported(self, sheet: Spreadsheet, donor: str, cells: str) -> Rows:
        """The values of another spreadsheet's range; one that is being changed is read once that is done.

        Raises:
            Fault: They cannot be read, or not now.
        """
        if donor == sheet.spreadsheet_id:
            return imports.imported_values(sheet, cells)
        entry = self._entries.get(donor)
        if entry is None:
            raise Fault(imports.NOT_FOUND)
        if donor not in imports.donors(sheet.file):
            raise Fault(imports.NOT_ALLOWED)
        if not entry.changing.acquire(blocking=False):
            self._entry(sheet.spreadsheet_id).is_behind = True
            raise Fault(imports.LOADING)
        try:
            return imports.imported_values(self.open(donor), cells)
        finally:
            entry.changing.release()

    def _fall_behind(self, spreadsheet_id: str) -> None:
        """Mark what imports from a spreadsheet that changed."""
        for importer in self._importers.behind(spreadsheet_id):
            entry = self._entries.get(importer)
            if entry is not None:
                entry.is_behind = True
                for listener in self.behind_listeners:
                    listener(importer)

    def _catch_up(self, entry: _Entry, sheet: Spreadsheet) -> None:
        """Compute anew what a spreadsheet imports; that is no change of the file."""
        entry.is_behind = False
        tx = Transaction(sheet)
        try:
            entry.calculation = recalculate(tx, entry.calculation, self._importer(sheet), imports=True)
            if tx.changes:
                entry.file.save(tx)
        except BaseException:
            tx.rollback()
            entry.calculation = None
            raise
        for listener in self.result_listeners if tx.changes else ():
            listener(tx)

    # -- versions

    def versions(self, spreadsheet_id: str) -> list[Version]:
        """The versions of a spreadsheet, newest first; see ``versions.py``."""
        return self._entry(spreadsheet_id).file.versions()

    def at_version(self, spreadsheet_id: str, number: int) -> Spreadsheet:
        """A spreadsheet as a version left it, to be read only.

        Raises:
            ApiError: The version is not kept, or there is no such spreadsheet.
        """
        sheet = self.open(spreadsheet_id)
        try:
            return self._entry(spreadsheet_id).file.load(spreadsheet_id, number, sheet.pool)
        except KeyError as error:
            raise ApiError(404, f"Version {number} is not kept: look at the list of versions again.") from error

    def restore(self, spreadsheet_id: str, number: int, editor: str | None = None) -> None:
        """Make a version the present again, as a version of its own.

        Raises:
            ApiError: The version is not kept, or there is no such spreadsheet.
        """
        past = self.at_version(spreadsheet_id, number)
        self.change(spreadsheet_id, lambda tx: put_back(tx, past), editor)

    def delete(self, spreadsheet_id: str) -> None:
        """Remove a spreadsheet for good."""
        entry = self._entry(spreadsheet_id)
        del self._entries[spreadsheet_id]
        self._fall_behind(spreadsheet_id)
        entry.file.close()
        _remove(entry.file.path)

    def _tell(self, tx: Transaction) -> None:
        for listener in self.listeners:
            listener(tx)


def body_may_take_long(body: bytes, *, are_values: bool = False) -> bool:
    """Whether a change may take long, judged by its request alone: it is large, or may bring a formula.

    What a person types may begin with any of these signs and be a formula; in JSON they may be escaped.

    Args:
        are_values: Each text is a cell's: nothing is split, replaced or pasted, and a sign within it makes no formula.
    """
    return len(body) > _BIG_BODY or (_TYPED_FORMULA if are_values else _SIGN).search(body) is not None


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def new_spreadsheet_id() -> str:
    """44 characters that start with ``1``, as Google's do."""
    while True:
        text = "1" + secrets.token_urlsafe(33)[:43]
        if text[-1].isalnum():
            return text
