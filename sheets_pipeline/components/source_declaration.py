"""What a source's declaration in YAML may say, as a document of its own or as one of many in a file (``sources:``)."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from sheets_pipeline.components.tab_declaration import Names, nearest
from sheets_pipeline.components.yaml_nodes import Place
from sheets_pipeline.settings import spreadsheet_id_in
from sheets_pipeline.sync.source import (
    INTERVAL_SECONDS,
    CellType,
    Into,
    IntoMode,
    OnChange,
    OnSchemaChange,
    Source,
    SourceRange,
)
from sheets_pipeline.sync.spreadsheet import DEFAULT

SOURCE_TYPE = "sheets_pipeline.Source"

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)

_CELL = r"\$?[A-Za-z]{1,3}\$?[1-9]\d*"
_END = rf"(?:{_CELL}|\$?[A-Za-z]{{1,3}}|\$?[1-9]\d*)"
#: ``A1:D``, ``A:Z``, ``2:9``, ``$B$2``.
_CELLS = re.compile(rf"{_CELL}|{_END}:{_END}")
#: What Google takes as the name of a range: neither ``A1`` nor ``R1C1``.
_NAMED = re.compile(r"[^\W\d]\w{0,249}")

_GID = re.compile(r"[?#&]gid=(\d+)")


def _as_ranges(value: Any) -> Any:
    whole = value if isinstance(value, list) else [value]
    return [{"range": one} if isinstance(one, str) else one for one in whole]


_Title = Annotated[
    str | None, Field(min_length=1, description="Title of the tab, or a pattern of titles: 2026-*; the first tab else.")
]
_TabId = Annotated[int | None, Field(ge=0, description="Instead of tab: Google's id of it, the gid of its address.")]
_RangeText = Annotated[
    str | None,
    Field(min_length=1, description="A1:D, A:F, Sheet1!A1:D, or the name of a named range; the whole tab else."),
]


class RangeDeclaration(BaseModel):
    """Cells of one tab."""

    model_config = _STRICT

    tab: _Title = None
    tab_id: _TabId = None
    range: _RangeText = None

    def faults(self, place: Place = ()) -> Iterator[tuple[Place, str]]:
        """What does not fit together."""
        if self.tab is not None and self.tab_id is not None:
            yield (*place, "tab_id"), "tab and tab_id both say which tab is read. Give one of them"
        title, cells = split_range(self.range)
        if title is not None and (self.tab is not None or self.tab_id is not None):
            yield (
                (*place, "range"),
                f"range names the tab {title!r}, and so does tab or tab_id. Leave it out in one of them",
            )
        if cells is not None and not is_cells(cells) and (title is not None or not _NAMED.fullmatch(cells)):
            text = f"range is {self.range!r}; expected cells such as A1:D, A:F or Sheet1!A1:D, or the name of a range"
            yield (*place, "range"), text
        if cells is not None and not is_cells(cells) and (self.tab is not None or self.tab_id is not None):
            yield (*place, "range"), f"range is {self.range!r}, a named range, which says itself which tab it is of"

    def engine(self, gid: int | None) -> SourceRange:
        """The same for the engine; ``gid`` is that of the address, which counts where nothing else names a tab."""
        title, cells = split_range(self.range)
        tab = self.tab if title is None else title
        if cells is not None and not is_cells(cells):
            return SourceRange(named=cells)
        tab_id = gid if tab is None and self.tab_id is None else self.tab_id
        return SourceRange(tab, tab_id, cells.replace("$", "").upper() if cells else None)


def split_range(text: str | None) -> tuple[str | None, str | None]:
    """Title and cells of ``Sheet1!A1:D``, ``'My tab'!A:D``, ``A1:D``, or of the name of a range."""
    if text is None:
        return None, None
    title, mark, cells = text.strip().rpartition("!")
    if not mark:
        return None, cells
    if len(title) > 1 and title[0] == title[-1] == "'":
        title = title[1:-1].replace("''", "'")
    return title, cells


def is_cells(text: str) -> bool:
    """Whether it is a range in A1 notation."""
    return _CELLS.fullmatch(text) is not None


SourceTypeName = Literal["text", "integer", "decimal", "boolean", "date", "datetime", "time"]


class SourceColumnDeclaration(BaseModel):
    """A column whose type is declared."""

    model_config = _STRICT

    name: str = Field(min_length=1, description="Its header, or the name made of it.")
    type: SourceTypeName = Field(description="What its cells are; those that are not stay text, and are counted.")


class IntoDeclaration(BaseModel):
    """The table of the database that the source is written into."""

    model_config = _STRICT

    table: str = Field(min_length=1, description="With its schema where the search path does not lead to it.")
    mode: Literal["replace", "upsert", "append-versions"] = Field(
        "replace", description="The latest rows alone; rows by key; or the rows of every version."
    )


class OnChangeDeclaration(BaseModel):
    """Whom a new version is told."""

    model_config = _STRICT

    webhook: str | None = Field(None, min_length=1, description="Address that gets a signed POST.")
    secret: str | None = Field(None, min_length=1, description="What signs it, from {env: NAME}.")
    notify: str | None = Field(None, min_length=1, description="Instead of webhook: an address of Apprise's.")


#: A number of a row, or how it is found.
HeaderRow = Annotated[
    Any, WithJsonSchema({"anyOf": [{"enum": ["auto", "none"]}, {"type": "integer", "minimum": 1, "maximum": 10000}]})
]


class SourceOptions(BaseModel):
    """What both forms of a source have."""

    model_config = _STRICT

    id: str = Field(description="Tells sources apart: in commands, in the store, as partition in Dagster.")
    description: str = Field("", description="What it holds; shown in the Dagster UI.")
    enabled: bool = Field(True, description="Whether it is read.")
    priority: int = Field(5, description="Who is read first among those that are due: the lowest.")
    tags: Names = Field([], description="Words to choose sources by.")
    credential: str = Field(DEFAULT, min_length=1, description="Name of the credential that reaches it.")
    header_row: HeaderRow = Field(
        "auto", description="auto, none, or the number of the row with the headers, from 1 within the range."
    )
    columns: list[SourceColumnDeclaration] = Field([], description="Types of columns that are not to be found out.")
    types: Literal["infer", "text"] = Field("infer", description="text keeps every cell as the text that it shows.")
    ignore_columns: Names = Field([], description="Columns that are not read: their changes make no version.")
    fill_merged: bool = Field(False, description="Whether every cell of merged ones holds what the first one does.")
    on_schema_change: Literal["accept", "hold", "fail"] = Field(
        "accept", description="What happens where columns came, went or changed their type."
    )
    keep_versions: int = Field(100, ge=1, description="How many versions are kept.")
    key: Names = Field([], description="The columns that tell rows apart, for diffs and upserts.")
    into: IntoDeclaration | None = Field(None, description="A table of the database that is kept as the source is.")
    on_change: list[OnChangeDeclaration] = Field(
        [], description="Whom a new version is told: webhooks and addresses of Apprise's."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "SourceOptions":
        if faults := [*self._own_faults(), *self._option_faults()]:
            text = "; ".join(text for _, text in faults)
            raise PydanticCustomError("declaration", "{text}", {"text": text, "faults": faults})
        return self

    def _own_faults(self) -> Iterator[tuple[Place, str]]:
        raise NotImplementedError

    def _option_faults(self) -> Iterator[tuple[Place, str]]:
        yield from _id_faults(self.id)
        row = self.header_row
        if row not in ("auto", "none") and (type(row) is not int or not 1 <= row <= 10_000):
            yield ("header_row",), "header_row: expected auto, none, or the number of a row from 1"
        counts = Counter(column.name for column in self.columns)
        for i, column in enumerate(self.columns):
            if counts[column.name] > 1:
                yield ("columns", i, "name"), f"the column {column.name!r} stands here twice. Give each its own"
        if self.into is not None and self.into.mode == "upsert" and not self.key:
            yield ("into",), "into with mode: upsert needs key: name the columns that tell rows apart"
        for i, told in enumerate(self.on_change):
            if (told.webhook is None) == (told.notify is None):
                found = "neither" if told.webhook is None else "both"
                yield (
                    ("on_change", i),
                    f"on_change[{i + 1}]: expected webhook or notify, found {found}. Give one of them",
                )
            elif told.webhook is not None and not re.match(r"https?://[^/\s]+", told.webhook):
                yield (
                    ("on_change", i, "webhook"),
                    f"on_change[{i + 1}].webhook: expected an address with http:// or https://",
                )
            elif told.secret is not None and told.webhook is None:
                yield ("on_change", i, "secret"), f"on_change[{i + 1}].secret signs a webhook, and there is none"

    def _engine(
        self, name: str, url: str, ranges: tuple[SourceRange, ...], every: int | None, credential: str
    ) -> Source:
        return Source(
            id=self.id,
            name=name,
            spreadsheet_id=spreadsheet_id_in(url),
            ranges=ranges,
            description=self.description,
            credential=credential,
            interval=every or INTERVAL_SECONDS,
            enabled=self.enabled,
            priority=self.priority,
            tags=tuple(self.tags),
            header_row={"auto": None, "none": 0}.get(self.header_row, self.header_row),
            types={column.name: CellType(column.type) for column in self.columns} or None,
            infer=self.types == "infer",
            ignore_columns=tuple(self.ignore_columns),
            fill_merged=self.fill_merged,
            on_schema_change=OnSchemaChange(self.on_schema_change),
            keep_versions=self.keep_versions,
            key=tuple(self.key),
            into=Into(self.into.table, IntoMode(self.into.mode)) if self.into else None,
            on_change=tuple(OnChange(one.webhook, one.secret, one.notify) for one in self.on_change),
        )


def _id_faults(text: str) -> Iterator[tuple[Place, str]]:
    wrong = text != text.strip() or not text or not text.isprintable() or "..." in text or len(text) > 100
    if wrong:
        yield ("id",), f"the id is {text!r}; expected at most 100 characters in one line, without ... and outer blanks"


def _url_faults(url: str, place: Place) -> Iterator[tuple[Place, str]]:
    try:
        spreadsheet_id_in(url)
    except ValueError as error:
        yield place, f"url {error}"


def _gid(url: str) -> int | None:
    found = _GID.search(url)
    return int(found[1]) if found else None


class SourceDeclaration(SourceOptions):
    """Somebody's spreadsheet that is read into the store: its address, which cells, and how often."""

    name: str | None = Field(None, min_length=1, description="What people call it; the id where left out.")
    url: str = Field(description="The address of the spreadsheet, or Google's id of it.")
    tab: _Title = None
    tab_id: _TabId = None
    range: _RangeText = None
    ranges: Annotated[
        list[RangeDeclaration],
        BeforeValidator(_as_ranges, json_schema_input_type=list[str | RangeDeclaration]),
    ] = Field([], description="Instead of tab and range: several, one below the other, columns by their headers.")
    every: int | None = Field(None, ge=1, description="Seconds between readings; 300 where left out.")

    @property
    def source(self) -> Source:
        """The same for the engine."""
        ranges = self.ranges or [self._one_range]
        made = tuple(one.engine(_gid(self.url)) for one in ranges)
        return self._engine(self.name or self.id, self.url, made, self.every, self.credential)

    @property
    def _one_range(self) -> RangeDeclaration:
        return RangeDeclaration.model_construct(tab=self.tab, tab_id=self.tab_id, range=self.range)

    def _own_faults(self) -> Iterator[tuple[Place, str]]:
        yield from _url_faults(self.url, ("url",))
        yield from self._one_range.faults()
        for i, one in enumerate(self.ranges):
            yield from one.faults(("ranges", i))
        if self.ranges and (self.tab is not None or self.tab_id is not None or self.range is not None):
            yield ("ranges",), "ranges stands beside tab, tab_id or range. Say all of it in ranges"


class SpreadsheetConfig(BaseModel):
    """Where a source of a list stands."""

    model_config = _STRICT

    url: str = Field(description="The address of the spreadsheet.")
    sheet_name: str | None = Field(None, min_length=1, description="Title of the tab; that of the address else.")
    range: _RangeText = None
    use_adc: bool = Field(False, description="Application Default Credentials, where the settings name no others.")
    credentials_path: str | None = Field(None, min_length=1, description="Path of a key file.")


class ListedSource(SourceOptions):
    """A source as one of many in a file."""

    name: str = Field(min_length=1, description="What people call it.")
    type: Literal["spreadsheet"] = Field(description="Always spreadsheet.")
    spreadsheet_config: SpreadsheetConfig = Field(description="Where it stands.")
    versioning_strategy: Literal["hash", "timestamp", "etag", "version_string", "combined"] = Field(
        "hash", description="Versions are made by content, whichever is given."
    )
    fetch_strategy: Literal["direct", "index_page", "api", "async"] = Field(
        "async", description="Sources are read in the background, whichever is given."
    )
    fetch_interval: int | None = Field(None, ge=1, description="Seconds between readings; 300 where left out.")
    version_string: str | None = Field(None, description="Taken, and of no effect.")
    max_retries: int | None = Field(None, ge=0, description="Taken, and of no effect: the settings say it for all.")
    use_document_parser: bool = Field(False, description="Taken, and of no effect.")
    metadata: dict[str, Any] = Field({}, description="Taken, and of no effect.")

    @property
    def source(self) -> Source:
        """The same for the engine."""
        config = self.spreadsheet_config
        ranges = (self._range.engine(_gid(config.url)),)
        credential = config.credentials_path or self.credential
        return self._engine(self.name, config.url, ranges, self.fetch_interval, credential)

    @property
    def _range(self) -> RangeDeclaration:
        config = self.spreadsheet_config
        title, _ = split_range(config.range)
        tab = config.sheet_name if title is None or title != config.sheet_name else None
        return RangeDeclaration.model_construct(tab=tab, tab_id=None, range=config.range)

    def _own_faults(self) -> Iterator[tuple[Place, str]]:
        place = ("spreadsheet_config",)
        yield from _url_faults(self.spreadsheet_config.url, (*place, "url"))
        for where, text in self._range.faults():
            yield (*place, *where), text


#: Keys beside ``sources`` of a file with many: of use to other readers of the file, or settings of ours (docs/use/sources.md).
LIST_KEYS = (
    "version", "name", "description", "default_versioning_strategy", "default_fetch_strategy", "cache_directory",
    "embedding_cache_path", "version_cache_path", "max_concurrent_sources", "timeout_per_source",
    "embedding_chunk_size_chars", "embedding_chunk_overlap_chars", "embedding_aggregate_document_vectors",
    "log_level", "log_file",
)  # fmt: skip

#: Types of listed sources that are no spreadsheets: they are passed by.
OTHER_TYPES = ("html", "pdf", "wikisource", "pdf_pipeline")


def unknown_list_key(name: str) -> str | None:
    """What is wrong with a key beside ``sources``; None where nothing is."""
    return None if name in LIST_KEYS else f"unknown key {name!r}{nearest(name, ['sources', *LIST_KEYS])}"
