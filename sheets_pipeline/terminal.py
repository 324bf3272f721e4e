"""Text of others (keys, reasons, names) on a terminal: nothing in it moves the cursor, hides, reorders or forges a line.

``safe`` shows what a terminal would obey as a visible escape. Data goes through ``escape`` into rich's markup; ``Screen`` is
the console that all commands print on, and lets nothing else through either.
"""

import re
from collections.abc import Iterable
from typing import Any

import click
import rich.markup
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

#: C0 and C1 controls, DEL, marks that reorder text (bidi), separators of lines and paragraphs, marks of annotations and
#: tags, lone surrogates (which cannot be printed at all).
_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
)
_UNSAFE += "\U000e0000-\U000e007f"
_IN_LINES = re.compile(f"[{_UNSAFE}]")
_IN_DATA = re.compile(f"[\t\n{_UNSAFE}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe(text: object, *, lines: bool = False) -> str:
    """The text as it may stand on a terminal, on one line; with ``lines`` its line ends and tabs are kept."""
    return (_IN_LINES if lines else _IN_DATA).sub(lambda match: _escaped(match[0]), str(text))


def json_safe(text: str) -> str:
    """The same for JSON text, which means the same afterwards."""
    return _IN_LINES.sub(lambda match: _json_escaped(match[0]), text)


def escape(text: object) -> str:
    """Data as part of rich's markup: neither control characters nor markup in it have an effect."""
    return rich.markup.escape(safe(text))


def echo(text: object) -> None:
    """``click.echo`` for messages with data in them."""
    click.echo(safe(text, lines=True))


class Screen(Console):
    """rich's console, which obeys controls of its own making alone."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Called by rich for everything that is printed."""
        for segment in super().render(renderable, options):
            if segment.control or not _IN_LINES.search(segment.text):
                yield segment
            else:
                yield Segment(safe(segment.text, lines=True), segment.style)


def screen(**options: Any) -> Screen:
    """As wide as the terminal; as wide as needed where the output goes elsewhere."""
    console = Screen(**options)
    return console if console.is_terminal else Screen(**{"width": 200, **options})


def _escaped(character: str) -> str:
    code = ord(character)
    if short := _SHORT.get(character):
        return short
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escaped(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + ((code - 0x10000) & 0x3FF):04x}"
