"""A cell's format as the page draws it: few short names, colours as ``#rrggbb``, nothing that is not set."""

from collections.abc import Mapping
from typing import Any

#: The page's names of the yes/no parts of ``TextFormat``.
_FLAGS = ("bold", "italic", "underline", "strikethrough")

#: Theme colours of a spreadsheet that names none of its own: Google's standard theme as its clients see it, see
#: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#ThemeColorType
_THEME = {
    "TEXT": "#000000",
    "BACKGROUND": "#ffffff",
    "ACCENT1": "#4285f4",
    "ACCENT2": "#ea4335",
    "ACCENT3": "#fbbc04",
    "ACCENT4": "#34a853",
    "ACCENT5": "#ff6d01",
    "ACCENT6": "#46bdc6",
    "LINK": "#1155cc",
}


def colour_of(message: Mapping[str, Any], name: str) -> str | None:
    """The colour under ``name + "Style"`` (``ColorStyle``) or ``name`` (``Color``) as ``#rrggbb``; None if neither."""
    style = message.get(f"{name}Style")
    if style:
        if "themeColor" in style:
            return _THEME.get(style["themeColor"])
        return _hex(style.get("rgbColor", {}))
    return _hex(message[name]) if name in message else None


def _hex(colour: Mapping[str, float]) -> str:
    """An API ``Color``: parts from 0 to 1, those left out are 0."""
    parts = (round(max(0.0, min(1.0, float(colour.get(part) or 0))) * 255) for part in ("red", "green", "blue"))
    return "#" + "".join(f"{part:02x}" for part in parts)


def compact_format(body: Mapping[str, Any] | None) -> dict[str, Any]:
    """The page's form of an API ``CellFormat``: background, colour, bold ..., align, vertical, wrap, size, font."""
    if not body:
        return {}
    text = body.get("textFormat") or {}
    found: dict[str, Any] = {
        "background": colour_of(body, "backgroundColor"),
        "colour": colour_of(text, "foregroundColor"),
        "align": body.get("horizontalAlignment"),
        "vertical": body.get("verticalAlignment"),
        "wrap": body.get("wrapStrategy"),
        "size": text.get("fontSize"),
        "font": text.get("fontFamily"),
    }
    found |= {flag: True for flag in _FLAGS if text.get(flag)}
    return {name: value for name, value in found.items() if value is not None}
