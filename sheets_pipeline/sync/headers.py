"""The header row: which column of a tab is which of ours, and what the declaration has changed since it was written.

Columns are found by the headers that we wrote, that people renamed them to, or that are declared now; else by our mark.
What cannot be told apart safely is refused, with what to do: a wrong column would be overwritten row by row.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sheets_pipeline.errors import HeaderDoubled, HeaderMismatch
from sheets_pipeline.sync.cells import Cell, row_keys
from sheets_pipeline.sync.snapshot import TabSnapshot
from sheets_pipeline.sync.tab import Tab

_UNDO = "Undo that (Ctrl+Z in the spreadsheet), or take the version from before it under File > Version history."


class KnownColumns(Protocol):
    """What is remembered of a tab's columns, by name; see ``TabFacts``."""

    @property
    def layout(self) -> Mapping[str, int]: ...
    @property
    def renamed(self) -> Mapping[str, str]: ...
    @property
    def declared(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def released(self) -> Mapping[str, str]: ...


@dataclass(slots=True)
class Columns:
    """Where our columns are (name → 0-based index), and what is to be done to them.

    ``renamed`` are headers of people's that we follow, ``added`` columns to be made at the right end, ``retitled`` ones
    whose header cell is to be written, ``reformatted`` ones of another type than before, ``taken_over`` ones that stood
    there under another name of ours or empty. ``released`` are headers of columns that left the declaration, ``struck``
    the places of those that left it just now.
    """

    layout: dict[str, int] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    retitled: list[str] = field(default_factory=list)
    reformatted: list[str] = field(default_factory=list)
    taken_over: list[str] = field(default_factory=list)
    released: dict[str, str] = field(default_factory=dict)
    struck: list[int] = field(default_factory=list)


def header_texts(snapshot: TabSnapshot) -> list[str]:
    """Row 1, blank where nothing stands."""
    return [text.strip() for text in _row_texts(snapshot, 0)]


def _row_texts(snapshot: TabSnapshot, row: int) -> list[str]:
    return [_text(column[row] if row < len(column) else None) for column in snapshot.columns]


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _plain(text: str) -> str:
    """A header without what nobody sees: blanks at the ends, doubled or unbreakable ones."""
    return " ".join(text.split())


def _find(tab: Tab, texts: list[str], header: str) -> int | None:
    """The column with this header: exactly, else but for blanks.

    Raises:
        HeaderDoubled: There are two.
    """
    places = [i for i, text in enumerate(texts) if text == header]
    places = places or [i for i, text in enumerate(texts) if _plain(text) == _plain(header)]
    if len(places) > 1:
        raise HeaderDoubled(
            tab.title,
            f"the header {header!r} stands in row 1 more than once, so it is unclear which column is ours. "
            "Rename the column that is not.",
        )
    return places[0] if places else None


def locate_columns(tab: Tab, snapshot: TabSnapshot, known: KnownColumns | None = None) -> dict[str, int]:
    """Where our columns stand: name → 0-based index in the grid; columns that are not there are left out.

    Raises:
        HeaderDoubled: A header of ours stands there twice, so it is unclear which column is ours.
    """
    texts = _row_texts(snapshot, 0)
    layout: dict[str, int] = {}
    for column in tab.columns:
        for header in _headers(column.name, known) or [column.header]:
            place = _find(tab, texts, header)
            if place is not None and place not in layout.values():
                layout[column.name] = place
                break
    for column in tab.columns:  # after those that were found as we knew them
        place = None if column.name in layout else _find(tab, texts, column.header)
        if place is not None and place not in layout.values():
            layout[column.name] = place
    return layout


def _headers(name: str, known: KnownColumns | None) -> list[str]:
    """Headers under which a column was last known: as people renamed it, as we wrote it."""
    if known is None:
        return []
    written = known.declared.get(name)
    return [*([known.renamed[name]] if name in known.renamed else []), *(list(written[:1]) if written else [])]


def require_columns(tab: Tab, snapshot: TabSnapshot, layout: Mapping[str, int]) -> None:
    """Raise ``HeaderMismatch`` where a declared column was not located."""
    if missing := [column.header for column in tab.columns if column.name not in layout]:
        raise HeaderMismatch(tab.title, missing=missing, found=[text for text in header_texts(snapshot) if text])


def find_columns(
    tab: Tab, snapshot: TabSnapshot, known: KnownColumns, marked: Mapping[str, int] | None, keys: Collection[str] = ()
) -> Columns | None:
    """Find all columns, and what the declaration changes in them; None where ``marked`` is needed for it and missing.

    Args:
        marked: Columns that carry our mark: name → 0-based index.
        keys: Keys that the tab should hold, by which a data row in place of the header is told.

    Raises:
        HeaderMismatch, HeaderDoubled: A person must mend the header row.
    """
    columns = Columns(locate_columns(tab, snapshot, known))
    missing = [column.name for column in tab.columns if column.name not in columns.layout]
    if missing and marked is None:
        return None
    texts = header_texts(snapshot)
    if missing:
        _check_header_row(tab, snapshot, known, marked or {}, keys)
        _find_by_mark(columns, missing, marked or {}, texts)
    columns.renamed |= {
        name: text
        for name, text in known.renamed.items()
        if name in columns.layout
        and name not in columns.retitled
        and _plain(texts[columns.layout[name]]) == _plain(text)
    }
    _add_missing(tab, snapshot, known, columns)
    of_people = _take_over(snapshot, known, columns, texts)
    if of_people and marked is None:
        return None
    for name in of_people:
        if (marked or {}).get(name) != columns.layout[name]:  # else we made it, and the answer was lost
            raise HeaderDoubled(
                tab.title,
                f"the declaration has a new column {texts[columns.layout[name]]!r}, and people have one of that name, which "
                "would be overwritten. Rename theirs in row 1, or give the new one another header in the declaration.",
            )
    _follow_declaration(tab, known, columns, texts)
    _release(tab, known, columns, texts)
    return columns


def _find_by_mark(columns: Columns, missing: list[str], marked: Mapping[str, int], texts: list[str]) -> None:
    for name in missing:
        place = marked.get(name)
        if place is None or place in columns.layout.values():
            continue
        text = texts[place] if place < len(texts) else ""
        if text and texts.count(text) > 1:
            continue
        columns.layout[name] = place
        if text:
            columns.renamed[name] = text
        else:
            columns.retitled.append(name)


def _check_header_row(
    tab: Tab, snapshot: TabSnapshot, known: KnownColumns, marked: Mapping[str, int], keys: Collection[str]
) -> None:
    """Whether row 1 is the header row at all."""
    headers = [_headers(column.name, known)[-1:] or [column.header] for column in tab.columns]
    expected = {_plain(header[0]) for header in headers}
    rows = Counter(
        row
        for column in snapshot.columns
        for row, cell in enumerate(column)
        if type(cell) is str and _plain(cell) in expected
    )
    row, count = max(rows.items(), key=lambda item: (item[1], -item[0]), default=(0, 0))
    if row and count > rows[0] and 2 * count >= len(expected):
        raise HeaderMismatch(
            tab.title,
            missing=sorted(expected),
            found=[text for text in header_texts(snapshot) if text],
            remedy=f"The header stands in row {row + 1}. Move it to row 1: delete the rows above it, or put what they "
            "say into a tab or a column of its own.",
        )
    places = [marked[name] for name in tab.key if name in marked and marked[name] < len(snapshot.columns)]
    if len(places) == len(tab.key):
        [key] = row_keys([snapshot.columns[place][:1] or [None] for place in places])
        if key and key in keys:
            raise HeaderMismatch(
                tab.title,
                missing=sorted(expected),
                found=[text for text in header_texts(snapshot) if text],
                remedy="Row 1 is a row of data: the header row was deleted or sorted away. " + _UNDO,
            )


def _add_missing(tab: Tab, snapshot: TabSnapshot, known: KnownColumns, columns: Columns) -> None:
    missing = [column.name for column in tab.columns if column.name not in columns.layout]
    if not missing:
        return
    texts = [text for text in header_texts(snapshot) if text]
    headers = [tab.column(name).header for name in missing]
    if not known.layout and not columns.layout:
        raise HeaderMismatch(
            tab.title,
            missing=headers,
            found=texts,
            remedy="This tab was not made by the pipeline, which leaves it alone. Rename it, and the next sync makes one "
            "of its own; or give it these headers in row 1, and the pipeline fills the columns below them.",
        )
    keys = [tab.column(name).header for name in missing if name in tab.key]
    if keys and snapshot.last_row > 1 and known.layout:
        is_new = any(name in tab.key and name not in known.layout for name in missing)
        remedy = (
            "The declaration's key is new to the tab, so no row there could be found by it. Declare the column beside "
            "the old key first, make it the key after the next full sync; or delete the tab, and it is made anew."
            if is_new
            else f"The rows in the tab are found by {keys} and cannot be recognised without them. {_UNDO} Do not add an "
            "empty column of that name: it holds no keys. Nothing was written."
        )
        raise HeaderMismatch(tab.title, missing=headers, found=texts, remedy=remedy)
    can_add = [name for name in missing if known.layout and (name not in known.layout or tab.restores_columns)]
    if can_add != missing:
        raise HeaderMismatch(tab.title, missing=headers, found=texts)
    columns.added = can_add
    columns.layout |= {name: len(snapshot.columns) + i for i, name in enumerate(can_add)}


def _take_over(snapshot: TabSnapshot, known: KnownColumns, columns: Columns, texts: list[str]) -> list[str]:
    """Columns that are new to the declaration and stand there already; gives those that seem to be people's."""
    gone = [name for name in known.layout if name not in columns.layout]
    ours = {_plain(header) for name in gone for header in _headers(name, known)}
    ours |= {_plain(header) for header in known.released.values()}
    of_people = []
    for name, place in columns.layout.items():
        if not known.layout or name in known.layout or name in columns.added:
            continue
        is_blank = all(cell in (None, "") for cell in snapshot.columns[place][1:])
        if not is_blank and name not in columns.renamed and _plain(texts[place]) not in ours and known.declared:
            of_people.append(name)
        columns.taken_over.append(name)
    return of_people


def _follow_declaration(tab: Tab, known: KnownColumns, columns: Columns, texts: list[str]) -> None:
    """Headers and types that the declaration has changed since we wrote them."""
    for column in tab.columns:
        written = known.declared.get(column.name)
        if not written or column.name in columns.added:
            continue
        if written[1] != column.type:
            columns.reformatted.append(column.name)
        shown = texts[columns.layout[column.name]]
        is_ours = column.name not in columns.renamed and _plain(shown) == _plain(written[0])
        if is_ours and written[0] != column.header and column.name not in columns.retitled:
            columns.retitled.append(column.name)
    leaving = {columns.layout[name] for name in columns.retitled}
    for name in columns.retitled:
        header = tab.column(name).header
        if any(_plain(text) == _plain(header) for i, text in enumerate(texts) if i not in leaving):
            raise HeaderDoubled(
                tab.title,
                f"the declaration calls column {name!r} {header!r} now, and another column in row 1 has that header. "
                "Rename that one, or choose another header in the declaration.",
            )


def _release(tab: Tab, known: KnownColumns, columns: Columns, texts: list[str]) -> None:
    """Columns that left the declaration: told as long as they stand there under their header."""
    names = {column.name for column in tab.columns}
    left = {name: (_headers(name, known) or [name])[0] for name in known.layout if name not in names}
    for name, header in {**known.released, **left}.items():
        places = [i for i, text in enumerate(texts) if _plain(text) == _plain(header)]
        if name in names or len(places) != 1 or places[0] in columns.layout.values():
            continue
        columns.released[name] = header
        if name in left:
            columns.struck.append(places[0])
