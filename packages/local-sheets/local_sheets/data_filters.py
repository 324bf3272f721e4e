"""What a DataFilter selects: ranges, and what lives where developer metadata is.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/DataFilter
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.references import COLUMNS, ROWS, Message, dimension_span, grid_rect, read_rect, tab_of_id


@dataclass(frozen=True, slots=True)
class MetadataPlace:
    """Where a piece of developer metadata lives; ``tab`` None is the whole spreadsheet."""

    kind: str
    tab: Tab | None = None
    index: int | None = None

    def location(self) -> dict[str, Any]:
        """The API's ``DeveloperMetadataLocation``."""
        if self.tab is None:
            return {"locationType": "SPREADSHEET", "spreadsheet": True}
        if self.index is None:
            return {"locationType": "SHEET", "sheetId": self.tab.sheet_id}
        dimension = ROWS if self.kind == "ROW" else COLUMNS
        span: dict[str, Any] = {"sheetId": self.tab.sheet_id, "dimension": dimension, "startIndex": self.index}
        if not self.tab.sheet_id:
            del span["sheetId"]
        return {"locationType": self.kind, "dimensionRange": {**span, "endIndex": self.index + 1}}

    def rect(self) -> Rect | None:
        """The cells that it stands for, None for the spreadsheet."""
        if self.tab is None:
            return None
        if self.index is None:
            return self.tab.rect()
        if self.kind == "ROW":
            return self.tab.rect(self.index, self.index + 1)
        return self.tab.rect(col0=self.index, col1=self.index + 1)


def _find_places(sheet: Spreadsheet) -> dict[int, MetadataPlace]:
    places = {}
    for tab in sheet.tabs:
        places.update({key: MetadataPlace("ROW", tab, index) for key, index in tab.row_places().items()})
        places.update({key: MetadataPlace("COLUMN", tab, index) for key, index in tab.column_places().items()})
    for key, message in sheet.metadata.items():
        if key not in places:
            tab_id = message.get("sheetId")
            places[key] = (
                MetadataPlace("SPREADSHEET") if tab_id is None else MetadataPlace("SHEET", sheet.tab_by_id(tab_id))
            )
    return places


@dataclass(slots=True)
class _Index:
    """Where metadata lives, and which has which key and value; ids in order."""

    places: dict[int, MetadataPlace]
    by_key: dict[str, list[int]]
    by_value: dict[tuple[str, str], list[int]]


def _index(sheet: Spreadsheet) -> _Index:
    """The index as of now; it is kept until rows, columns or metadata change."""
    tabs = tuple((tab, tab.rows.version, tuple(tab.columns)) for tab in sheet.tabs)  # columns are never changed
    now = (sheet.metadata_version, tabs)
    if (
        sheet.metadata_index is not None
        and sheet.metadata_index[0] == now
        and isinstance(sheet.metadata_index[1], _Index)
    ):
        return sheet.metadata_index[1]
    index = _Index(_find_places(sheet), {}, {})
    for key in sorted(sheet.metadata):
        message = sheet.metadata[key]
        index.by_key.setdefault(message["metadataKey"], []).append(key)
        index.by_value.setdefault((message["metadataKey"], message.get("metadataValue", "")), []).append(key)
    sheet.metadata_index = (now, index)
    return index


def metadata_places(sheet: Spreadsheet) -> dict[int, MetadataPlace]:
    """Where each piece of developer metadata lives now."""
    return _index(sheet).places


def metadata_message(message: Message, place: MetadataPlace) -> dict[str, Any]:
    """The API's ``DeveloperMetadata``."""
    shown = {k: v for k, v in message.items() if k not in ("sheetId",)}
    found = {"metadataId": shown.pop("metadataId"), "metadataKey": shown.pop("metadataKey")}
    if "metadataValue" in shown:
        found["metadataValue"] = shown.pop("metadataValue")
    return {**found, "location": place.location(), **shown}


def matching_metadata(sheet: Spreadsheet, data_filter: Message) -> Iterator[tuple[int, MetadataPlace]]:
    """The developer metadata that a DataFilter selects, in order of their ids."""
    lookup = data_filter.get("developerMetadataLookup")
    places = metadata_places(sheet)
    if lookup is not None:
        for key in _candidates(sheet, lookup):
            if key in places and _fits(sheet, sheet.metadata[key], places[key], lookup):
                yield key, places[key]
        return
    target = filter_rects(sheet, data_filter)[0]
    for key in sorted(places):
        rect = places[key].rect()
        if rect is not None and target.meets(rect):
            yield key, places[key]


def _candidates(sheet: Spreadsheet, lookup: Message) -> list[int]:
    """Ids of what may fit a lookup, in order, as narrow as they can be had without looking at each."""
    wanted = lookup.get("metadataId")
    if wanted is not None:
        return [wanted] if wanted in sheet.metadata else []
    if "metadataKey" in lookup and "metadataValue" in lookup:
        return _index(sheet).by_value.get((lookup["metadataKey"], lookup["metadataValue"]), [])
    if "metadataKey" in lookup:
        return _index(sheet).by_key.get(lookup["metadataKey"], [])
    return sorted(sheet.metadata)


def _fits(sheet: Spreadsheet, message: Message, place: MetadataPlace, lookup: Message) -> bool:
    for name in ("metadataKey", "metadataValue", "visibility"):
        if name in lookup and message.get(name) != lookup[name]:
            return False
    if lookup.get("locationType") not in (None, place.kind):
        return False
    location = lookup.get("metadataLocation")
    if not location:
        return True
    return _fits_location(sheet, place, location, lookup.get("locationMatchingStrategy"))


def _fits_location(sheet: Spreadsheet, place: MetadataPlace, location: Message, strategy: str | None) -> bool:
    """EXACT_LOCATION is that place alone; INTERSECTING_LOCATION also what lies in it or holds it."""
    wanted = read_location(sheet, location)
    if strategy != "INTERSECTING_LOCATION":
        return place == wanted
    wanted_rect, rect = wanted.rect(), place.rect()
    return wanted_rect is None or rect is None or wanted_rect.meets(rect)


def read_location(sheet: Spreadsheet, location: Message) -> MetadataPlace:
    """The place that a DeveloperMetadataLocation names.

    Raises:
        ApiError: It names none, or more than one row or column.
    """
    if "dimensionRange" in location:
        span = dimension_span(sheet, location["dimensionRange"])
        if "endIndex" not in location["dimensionRange"] or span.length != 1:
            raise invalid("Developer metadata must be located on a single row or column.")
        return MetadataPlace("ROW" if span.is_rows else "COLUMN", span.tab, span.start)
    if "sheetId" in location:
        return MetadataPlace("SHEET", tab_of_id(sheet, location["sheetId"]))
    if location.get("spreadsheet"):
        return MetadataPlace("SPREADSHEET")
    raise invalid("Must specify a location.")


def filter_rects(sheet: Spreadsheet, data_filter: Message) -> list[Rect]:
    """The ranges that a DataFilter selects, clipped to the grid.

    Raises:
        ApiError: It is empty, or its range cannot be read.
    """
    if "a1Range" in data_filter:
        return [read_rect(sheet, data_filter["a1Range"])]
    if "gridRange" in data_filter:
        return [grid_rect(sheet, data_filter["gridRange"])]
    if "developerMetadataLookup" in data_filter:
        found = (place.rect() for _, place in matching_metadata(sheet, data_filter))
        return [rect for rect in found if rect is not None]
    raise invalid("Must specify a data filter.")
