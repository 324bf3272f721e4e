"""What a new spreadsheet and a new tab look like, and what Google leaves out of an answer.

Default format and theme as in Google's answer to ``spreadsheets.create``, see
https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets#SpreadsheetProperties
"""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.cell_values.locales import is_known
from local_sheets.time_zones import find_zone

ROWS, COLUMNS = 1000, 26
ROW_PIXELS, COLUMN_PIXELS = 21, 100

_BLACK: dict[str, float] = {}
_WHITE = {"red": 1, "green": 1, "blue": 1}

DEFAULT_FORMAT: dict[str, Any] = {
    "backgroundColor": _WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": _BLACK,
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": _BLACK},
    },
    "backgroundColorStyle": {"rgbColor": _WHITE},
}

_THEME_COLORS = [
    ("TEXT", _BLACK),
    ("BACKGROUND", _WHITE),
    ("ACCENT1", {"red": 0.25882354, "green": 0.52156866, "blue": 0.95686275}),
    ("ACCENT2", {"red": 0.91764706, "green": 0.2627451, "blue": 0.20784314}),
    ("ACCENT3", {"red": 0.9843137, "green": 0.7372549, "blue": 0.015686275}),
    ("ACCENT4", {"red": 0.20392157, "green": 0.65882355, "blue": 0.3254902}),
    ("ACCENT5", {"red": 1, "green": 0.42745098, "blue": 0.003921569}),
    ("ACCENT6", {"red": 0.27450982, "green": 0.7411765, "blue": 0.7764706}),
    ("LINK", {"red": 0.06666667, "green": 0.33333334, "blue": 0.8}),
]

DEFAULT_THEME: dict[str, Any] = {
    "primaryFontFamily": "Arial",
    "themeColors": [{"colorType": kind, "color": {"rgbColor": color}} for kind, color in _THEME_COLORS],
}


def check_settings(properties: dict[str, Any]) -> None:
    """Look at the names of the locale and the time zone.

    Raises:
        ApiError: 400, one of them is unknown.
    """
    locale, zone = properties.get("locale"), properties.get("timeZone")
    if locale and not is_known(locale):
        raise invalid(f"Unsupported locale: {locale}")
    if zone and find_zone(zone) is None:
        raise invalid(f"Unsupported time zone: {zone}")


def spreadsheet_properties(given: dict[str, Any]) -> dict[str, Any]:
    """The properties of a new spreadsheet: those given over Google's defaults."""
    return {
        "title": given.get("title") or "Untitled spreadsheet",
        "locale": given.get("locale") or "en_US",
        "autoRecalc": given.get("autoRecalc") or "ON_CHANGE",
        "timeZone": given.get("timeZone") or "Etc/GMT",
        "defaultFormat": DEFAULT_FORMAT,
        **{k: v for k, v in given.items() if k == "iterativeCalculationSettings"},
        "spreadsheetTheme": given.get("spreadsheetTheme") or DEFAULT_THEME,
    }


def sheet_properties(sheet_id: int, title: str, given: dict[str, Any]) -> dict[str, Any]:
    """The properties of a new tab without its index; what is false or zero is left out, also a size: it is the usual one then."""
    grid = {"rowCount": ROWS, "columnCount": COLUMNS, **without_defaults(given.get("gridProperties", {}))}
    found = {"sheetId": sheet_id, "title": title, "sheetType": "GRID", "gridProperties": grid}
    for name in ("hidden", "rightToLeft", "tabColor", "tabColorStyle"):
        if given.get(name) or (name in ("tabColor", "tabColorStyle") and name in given):
            found[name] = given[name]
    return with_both_colors(found, "tabColor")


def without_defaults(message: dict[str, Any]) -> dict[str, Any]:
    """The message without fields that are false, 0 or empty: proto3 does not send them."""
    return {name: value for name, value in message.items() if value not in (False, 0, "", None)}


def with_both_colors(message: dict[str, Any], name: str) -> dict[str, Any]:
    """A colour in both of its fields: the older ``X`` and the newer ``XStyle``; the newer wins."""
    style_name = name + "Style"
    style = message.get(style_name)
    if style is not None and "rgbColor" in style:
        return {**message, name: style["rgbColor"]}
    if style is None and name in message:
        return {**message, style_name: {"rgbColor": message[name]}}
    return message
