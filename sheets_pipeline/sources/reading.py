"""Reading sources: those of one spreadsheet together, with one request where nothing has changed.

A changed source is read again in the other rendering (``sources/cells.py``), which also shows cells that do not keep still.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sheets_pipeline.database.quota import SOURCES
from sheets_pipeline.database.source_readings import SourceReadings
from sheets_pipeline.errors import NotShared, RequestRejected, SheetsPipelineError, SourceProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.ranges import (
    Filter,
    RangeCells,
    Rendering,
    SpreadsheetFacts,
    read_cells,
    read_facts,
)
from sheets_pipeline.sources.cells import Locale, hides_times
from sheets_pipeline.sources.content import Content
from sheets_pipeline.sources.places import Target, is_pattern, targets_of
from sheets_pipeline.sources.seen import WHOLE, Seen, declared, digest, runs
from sheets_pipeline.sources.store import SourceStore
from sheets_pipeline.sources.table import Block, Merge, Note, needs_texts, rectangle, table_of
from sheets_pipeline.sources.volatile import volatile_cells
from sheets_pipeline.sync.source import Source
from sheets_pipeline.sync.spreadsheet import Credential, Spreadsheet

#: Between two looks at cells that do not keep still, or still load.
SETTLE_SECONDS = 2.0
_LOOKS = 3

#: Of more cells the servers of Google take long to write dates as text: a change of formats alone is looked for now and then.
_LARGE = 200_000
_LOOK_FOR_FORMATS = 0.05

#: What a cell shows while another spreadsheet, a site or a service is asked.
_LOADING = frozenset({"Loading...", "Loading…"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a source found: its content, or that nothing has changed since ``Seen`` was kept (then it is None).

    Moments in the content are in the spreadsheet's ``time_zone``. ``seen`` is to be kept once the content is stored.
    """

    source: Source
    content: Content | None
    seen: Seen
    notes: tuple[Note, ...] = ()
    #: The tab that was read, under its title of now.
    tabs: tuple[str, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether it is as it was when it was last stored."""
        return self.content is None


Result = Reading | SheetsPipelineError


def read_group(
    pipeline: Pipeline, credential: Credential, sources: Sequence[Source], store: SourceStore
) -> dict[str, Result]:
    """Read sources of one spreadsheet, after syncs where quota is short; what has changed is told from the store's latest.

    Args:
        pipeline: Of any spreadsheet.
        credential: The one that the sources name.
        sources: All of one spreadsheet.
        store: That keeps their versions.

    Returns:
        For each id what was found, or why nothing was.
    """
    [spreadsheet_id] = {one.spreadsheet_id for one in sources}
    address = pipeline.address_of(spreadsheet_id)
    latest = {one.id: version.content_hash for one in sources if (version := store.latest(one.id)) is not None}
    stored = SourceReadings(pipeline.state).seen(latest).items()
    seen = {name: one for name, text in stored if (one := Seen.from_json(text)) is not None}
    try:
        client = pipeline.at(Spreadsheet(spreadsheet_id, spreadsheet_id, address, credential)).client(SOURCES)
    except SheetsPipelineError as error:  # a key that cannot be read
        return dict.fromkeys((one.id for one in sources), error)
    return read_sources(client, sources, seen)


def keep(pipeline: Pipeline, reading: Reading, content_hash: str) -> None:
    """Once the reading's content is the store's latest version, have the next reading cost one request."""
    SourceReadings(pipeline.state).keep(reading.source.id, content_hash, reading.seen.as_json())


def read_sources(client: SheetsClient, sources: Sequence[Source], seen: Mapping[str, Seen]) -> dict[str, Result]:
    """Read sources of one spreadsheet; what is wrong with one is its own.

    Args:
        client: Of the spreadsheet.
        sources: All of it.
        seen: By id, what earlier readings left, of sources whose latest version is of that reading.
    """
    return _Round(client, sources, seen).read()


class _Round:
    """One reading of some sources of one spreadsheet."""

    def __init__(self, client: SheetsClient, sources: Sequence[Source], seen: Mapping[str, Seen]) -> None:
        self._client = client
        self._seen = {
            one.id: seen[one.id] for one in sources if one.id in seen and seen[one.id].declared == declared(one)
        }
        self._sources = list(sources)
        self._facts: SpreadsheetFacts | None = None
        self._targets: dict[str, list[Target]] = {}
        self._results: dict[str, Result] = {}

    def read(self) -> dict[str, Result]:
        """All of them."""
        try:
            self._locate()
            rendering = self._rendering()
            cells = self._cells(self._open(), rendering)
            if self._facts is None and any(self._is_moved(source, cells) for source in self._open()):
                self._look()
                cells = self._cells(self._open(), rendering)
            for source in self._open():
                self._results[source.id] = self._judged(source, rendering, cells[source.id])
        except NotShared as error:  # a writer would have to be Editor
            text = (
                f"The spreadsheet {self._client.spreadsheet_id!r} is not shared with {self._client.identity.name}. Have its "
                "owner open it, press Share and add that address; Viewer is enough."
            )
            self._results |= {source.id: NotShared(text, status=error.status) for source in self._open()}
        except SheetsPipelineError as error:
            self._results |= {source.id: error for source in self._open()}
        return self._results

    def _open(self) -> list[Source]:
        return [source for source in self._sources if source.id not in self._results]

    # Where ------------------------------------------------------------------------------------------------------------

    def _locate(self) -> None:
        """Find the cells of all sources: where they were, else where Google says that they are."""
        if any(one.id not in self._seen or any(map(is_pattern, one.ranges)) for one in self._sources):
            self._look()
        else:
            self._targets = {one.id: list(self._seen[one.id].targets) for one in self._sources}

    def _look(self) -> None:
        self._facts = read_facts(self._client)
        for source in self._open():
            known = self._seen[source.id].targets if source.id in self._seen else ()
            try:
                self._targets[source.id] = targets_of(source, self._facts, known)
            except SourceProblem as error:
                self._results[source.id] = error

    def _is_moved(self, source: Source, cells: Mapping[str, list[RangeCells]]) -> bool:
        """Whether a tab has another title than is declared: there may be one that has it by now."""
        titles = [one.tab for one in source.ranges]
        found = [one.title for one in cells[source.id]]
        return len(titles) == len(found) and any(
            title is not None and title != now for title, now in zip(titles, found, strict=True)
        )

    # What -------------------------------------------------------------------------------------------------------------

    def _rendering(self) -> Rendering:
        """The one that tells most for least: dates as texts show a change of formats, too."""
        seen = list(self._seen.values())
        if len(seen) < len(self._sources):
            return "serials"
        is_costly = any(one.hides for one in seen) or sum(one.cells for one in seen) > _LARGE
        return "serials" if is_costly and random.random() > _LOOK_FOR_FORMATS else "shown"  # noqa: S311 # no secret

    def _cells(self, sources: Sequence[Source], rendering: Rendering) -> dict[str, list[RangeCells]]:
        """The cells of these sources, with one request where they are not many; whatever is gone by now is looked for."""
        try:
            return self._asked(sources, rendering)
        except RequestRejected:
            if self._facts is not None and len(sources) == 1:
                raise
        self._look()
        sources = [source for source in sources if source.id not in self._results]
        try:
            return self._asked(sources, rendering)
        except RequestRejected:
            return self._one_by_one(sources, rendering)

    def _one_by_one(self, sources: Sequence[Source], rendering: Rendering) -> dict[str, list[RangeCells]]:
        found: dict[str, list[RangeCells]] = {}
        for source in sources:
            try:
                found |= self._asked([source], rendering)
            except RequestRejected as error:
                self._results[source.id] = SourceProblem(source.id, str(error))
        return found

    def _asked(self, sources: Sequence[Source], rendering: Rendering) -> dict[str, list[RangeCells]]:
        targets = [target for source in sources for target in self._targets[source.id]]
        filters: list[Filter] = [target.filter for target in targets]
        answered = iter(read_cells(self._client, filters, [target.size for target in targets], rendering))
        return {source.id: [next(answered) for _ in self._targets[source.id]] for source in sources}

    # Whether it changed -----------------------------------------------------------------------------------------------

    def _judged(self, source: Source, rendering: Rendering, cells: list[RangeCells]) -> Result:
        seen = self._seen.get(source.id)
        if seen is not None and seen.is_same(rendering, cells):
            return Reading(source, None, seen, tabs=_titles(cells))
        try:
            return self._changed(source, rendering, cells)
        except SheetsPipelineError as error:
            return error

    def _changed(self, source: Source, rendering: Rendering, cells: list[RangeCells]) -> Reading:
        were = self._targets[source.id]
        if self._facts is None:
            self._look()
            if isinstance(wrong := self._results.pop(source.id, None), SheetsPipelineError):
                raise wrong
        is_usable = rendering == "serials" and were == self._targets[source.id]
        serials, shown, restless = self._settled(source, cells if is_usable else None)
        formulas = self._asked([source], "formulas")[source.id]
        restless = volatile_cells(serials, formulas, restless)
        texts = self._asked([source], "as_shown")[source.id] if needs_texts(source) else None
        return self._reading(source, serials, shown, texts, restless)

    def _settled(
        self, source: Source, serials: list[RangeCells] | None
    ) -> tuple[list[RangeCells], list[RangeCells], set[tuple[int, int, int]]]:
        """Both renderings of one and the same content, and the cells that do not keep still.

        Raises:
            SourceProblem: Cells still load, or people change the tab all the time.
        """
        serials = serials or self._asked([source], "serials")[source.id]
        restless: set[tuple[int, int, int]] = set()
        for look in range(_LOOKS):
            if look:
                time.sleep(SETTLE_SECONDS)
                serials = self._asked([source], "serials")[source.id]
            shown = self._asked([source], "shown")[source.id]
            if (loading := _loading(serials) + _loading(shown)) > 0:
                continue
            differing = _differing(serials, shown)
            if differing is not None and (not differing or differing == restless or look == _LOOKS - 1):
                return serials, shown, restless | differing
            restless = differing or set()
        if loading:
            problem = SourceProblem(
                source.id,
                f"{loading // 2 or 1} cells still load (IMPORTRANGE and its like); the next reading looks again. Where they "
                "never end, name their columns in ignore_columns and give the range without them.",
            )
        else:
            problem = SourceProblem(source.id, "rows come and go while it is read; the next reading looks again.")
        problem.is_transient = True
        raise problem

    def _reading(
        self,
        source: Source,
        serials: list[RangeCells],
        shown: list[RangeCells],
        texts: list[RangeCells] | None,
        restless: set[tuple[int, int, int]],
    ) -> Reading:
        facts, targets = self._facts, self._targets[source.id]
        assert facts is not None  # noqa: S101 # _changed has looked
        hides = any(hides_times(a.columns, b.columns) for a, b in zip(serials, shown, strict=True))
        size = sum(len(column) for one in serials for column in one.columns)
        digested = [[list(one.columns) for one in found] for found in (serials, shown)]
        blocks = [
            _block(facts, targets[i], serials[i], shown[i], texts[i] if texts else None, is_alone=len(targets) == 1)
            for i in range(len(targets))
        ]
        table = table_of(source, blocks, Locale.of(facts.locale))
        volatile = (*runs(restless), *((i, column, first, WHOLE) for i, column, first in table.ignored))
        seen = Seen(
            declared(source),
            tuple(replace(one, title=now.title) for one, now in zip(targets, serials, strict=True)),
            {"serials": digest(digested[0], volatile), "shown": digest(digested[1], volatile)},
            volatile,
            hides,
            size,
            facts.time_zone,
            facts.locale,
        )
        return Reading(source, table.content, seen, tuple(table.notes), _titles(serials))


def _titles(cells: Sequence[RangeCells]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.title for one in cells))


def _block(
    facts: SpreadsheetFacts,
    target: Target,
    serials: RangeCells,
    shown: RangeCells,
    texts: RangeCells | None,
    *,
    is_alone: bool,
) -> Block:
    tab = next((one for one in facts.tabs if one.title == serials.title), None)
    top, left = serials.top, serials.left
    merges = [
        Merge(
            one.get("startRowIndex", 0) - top,
            one.get("startColumnIndex", 0) - left,
            one.get("endRowIndex", 0) - top,
            one.get("endColumnIndex", 0) - left,
        )
        for one in (tab.merges if tab is not None else ())
    ]
    inside = [one for one in merges if one.top >= 0 and one.left >= 0]
    columns = [rectangle(one.columns) for one in (serials, shown, texts) if one is not None]
    height = max((len(one[0]) for one in columns if one), default=0)
    width = max(map(len, columns))
    for one in columns:
        one += [[""] * height for _ in range(width - len(one))]
        for column in one:
            column += [""] * (height - len(column))
    as_shown = columns[2] if texts is not None else None
    return Block(columns[0], columns[1], as_shown, inside, top, left, "" if is_alone else serials.title)


# Cells that do not keep still -------------------------------------------------------------------------------------------


def _loading(found: Sequence[RangeCells]) -> int:
    return sum(column.count(word) for one in found for column in one.columns for word in _LOADING)


def _differing(serials: Sequence[RangeCells], shown: Sequence[RangeCells]) -> set[tuple[int, int, int]] | None:
    """Cells that were one thing and are another now; None where rows or columns came or went."""
    found = set()
    for t, (before, now) in enumerate(zip(serials, shown, strict=True)):
        if [len(column) for column in before.columns] != [len(column) for column in now.columns]:
            return None
        for c, (mine, theirs) in enumerate(zip(before.columns, now.columns, strict=True)):
            if mine != theirs:
                found |= {(t, c, r) for r, (a, b) in enumerate(zip(mine, theirs, strict=True)) if _is_another(a, b)}
    return found


def _is_another(serial: object, shown: object) -> bool:
    is_number = isinstance(serial, int | float) and not isinstance(serial, bool)
    return serial != shown and not (is_number and isinstance(shown, str) and shown != "")
