"""Text is readable: contrast of the colours of both pages, light and dark, computed from their variables."""

import re
from pathlib import Path

import pytest

import local_sheets
import sheets_pipeline

PAGES = {
    "control": Path(sheets_pipeline.__file__).parent / "control/static/css",
    "local_sheets": Path(local_sheets.__file__).parent / "page/static/css",
}
TEXTS = ("text", "quiet", "faint", "accent", "accent-ink", "good", "warn", "bad")
GROUNDS = ("ground", "chrome", "raised", "accent-soft", "bad-soft")
#: WCAG 2.2, 1.4.3, for text of any size.
LEAST = 4.5


def colours(page: str, scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root\s*\{(.*?)\}", (PAGES[page] / "base.css").read_text(), re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block)) for block in blocks)
    return light if scheme == "light" else {**light, **dark}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_defined():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#8a94a0", "#ffffff") == pytest.approx(3.08, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_texts_stand_out(page: str, scheme: str):
    known = colours(page, scheme)
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [("accent-text", "accent"), ("accent-text", "bad")]
    low = {pair: round(ratio, 2) for pair in pairs if (ratio := contrast(known[pair[0]], known[pair[1]])) < LEAST}
    assert low == {}


@pytest.mark.parametrize("page", PAGES)
def test_texts_take_their_colours_from_the_variables(page: str):
    """A colour written out would be the same in light and dark, and no test would look at it."""
    for sheet in PAGES[page].glob("*.css"):
        assert re.findall(r"(?<![\w-])color:\s*#[0-9a-fA-F]+", sheet.read_text()) == [], sheet.name
