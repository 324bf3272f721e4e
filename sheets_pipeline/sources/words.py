"""The words that a row is found by, in any language; one rule for every store.

Words are runs of letters and digits without regard to case and width, as they are written: nothing is stemmed and no word is
left out. A search for a word finds the words that begin with it. Where a script writes no blanks between words (Chinese,
Japanese, Thai, ...), any part of a text is found: such runs are kept as pairs of characters.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal

from sheets_pipeline.sources.canonical import number_text
from sheets_pipeline.sources.content import Cell, Row

#: Characters of a word; longer ones are found by their beginning.
_LONGEST_WORD = 400
#: Bytes of a row's words; of longer rows the first in the alphabet are found. PostgreSQL holds a megabyte.
_MOST_BYTES = 500_000

#: Thai, Lao, Myanmar, Khmer; kana, Bopomofo; Han with its extensions. Not Hangul, which writes blanks.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
#: Marks belong to the letter before them, though ``\w`` does not know them.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0dff\u200c\u200d"
_BETWEEN = re.compile(rf"(?:_|[^\w{_MARKS}{_UNSPACED}])+")
_ASCII = bytes(code if chr(code).isalnum() else ord(" ") for code in bytes(range(128)).lower()).ljust(256)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")


def row_words(rows: Sequence[Row]) -> list[str]:
    """The words that each row is found by, with blanks between them."""
    lines = [_spaced(" ".join([_shown(cell) for cell in row if cell is not None]), _pairs) for row in rows]
    return [line if len(line) <= _LONGEST_WORD else _bounded(line) for line in lines]


def searched(text: str) -> list[str]:
    """The beginnings of words that all have to stand in a row that a search for this text finds."""
    found = _spaced(text, _inner_pairs).split()
    return sorted({word[:_LONGEST_WORD] for word in found})


def _spaced(text: str, pairs: Callable[[re.Match[str]], str]) -> str:
    if text.isascii():
        return text.encode().translate(_ASCII).decode()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _UNSPACED_RUN.sub(pairs, _BETWEEN.sub(" ", folded))


def _pairs(run: re.Match[str]) -> str:
    """Pairs of a run, and its last character."""
    text = run[0]
    return f" {' '.join(text[i : i + 2] for i in range(len(text)))} "


def _inner_pairs(run: re.Match[str]) -> str:
    text = run[0]
    return f" {' '.join(text[i : i + 2] for i in range(len(text) - 1)) or text} "


def _shown(cell: Cell) -> str:
    """In digits, and moments with a blank between date and time."""
    return number_text(cell) if isinstance(cell, Decimal) else str(cell)


def _bounded(line: str) -> str:
    kept, size = [], 0
    for word in sorted({word[:_LONGEST_WORD] for word in line.split()}):
        size += len(word.encode()) + 1
        if size > _MOST_BYTES:
            break
        kept.append(word)
    return " ".join(kept)
