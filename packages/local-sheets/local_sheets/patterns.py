"""Patterns that people write, matched in linear time: regular expressions by RE2, as in Sheets, and ``*`` and ``?``.

Python's ``re`` needs exponential time for some patterns, and nobody else is served meanwhile.
Syntax: https://github.com/google/re2/wiki/Syntax
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from local_sheets.budget import LimitReached, spend

#: Comparisons of a wildcard's piece with places in a text.
_MOST_TRIES = 2_000_000
#: Memory of one compiled expression.
_MOST_MEMORY = 1 << 20
#: Instructions of the expression times bytes of the text: some tenths of a second.
_MOST_WORK = 300_000_000


class PatternError(ValueError):
    """The text is no regular expression that RE2 takes."""


@lru_cache(maxsize=256)
def compile_expression(text: str, *, ignore_case: bool = False) -> Any:
    """A compiled regular expression.

    Raises:
        PatternError: It is none, or too large.
    """
    options = re2.Options()
    options.max_mem, options.log_errors, options.case_sensitive = _MOST_MEMORY, False, not ignore_case
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise PatternError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def matches(expression: Any, text: str) -> Iterator[Any]:
    """All matches, one after the other, as RE2 replaces them: no empty one where the last one ended; each is paid for.

    Raises:
        LimitReached: Expression and text are too large together, or there is no budget left.
    """
    if expression.programsize * len(text) > _MOST_WORK:
        raise LimitReached
    last = -1
    for found in expression.finditer(text):
        spend(1)
        if found.end() != last:
            yield found
        last = found.end()
    spend(1)


def expanded(template: str, found: Any) -> str:
    """The replacement of a match: ``$1`` is its first group, ``$0`` all of it; a group that is not there is empty."""
    if "$" not in template:
        return template
    groups = (found[0], *found.groups())

    def group(number: re.Match[str]) -> str:
        place = int(number[1])
        return (groups[place] or "") if place < len(groups) else ""

    return re.sub(r"\$([0-9])", group, template)


class Wildcard:
    """``a*b?``, where ``~`` takes the next ``*``, ``?`` or ``~`` as it is; without regard to case.

    The pieces between the stars are looked for one after the other, each at its first place: no other way to lay them
    out fits if this one does not.
    """

    __slots__ = ("_pieces",)

    def __init__(self, pattern: str) -> None:
        self._pieces = [_piece(part) for part in _split_at_stars(_folded(pattern))]

    def fits(self, text: str) -> bool:
        """Whether the whole text is of this pattern."""
        folded = _folded(text)
        first, *others = self._pieces
        if not others:
            return first.stands_at(folded, 0) and first.size == len(folded)
        *middle, last = others
        if not first.stands_at(folded, 0) or not last.stands_at(folded, len(folded) - last.size):
            return False
        place, end = first.size, len(folded) - last.size
        for piece in middle:
            found = piece.find(folded, place)
            if found < 0:
                return False
            place = found + piece.size
        return place <= end

    def find(self, text: str, start: int = 0) -> int:
        """Where the first part of the text that is of this pattern begins, -1 if there is none."""
        folded = _folded(text)
        began = place = self._pieces[0].find(folded, start)
        for piece in self._pieces if began >= 0 else ():
            place = piece.find(folded, place)
            if place < 0:
                return -1
            place += piece.size
        return began


class _Piece:
    """What stands between two stars: runs of plain text with their places in it; ``?`` is between the runs."""

    __slots__ = ("_anchor", "_runs", "size")

    def __init__(self, runs: list[tuple[int, str]], size: int) -> None:
        self._runs, self.size = runs, size
        self._anchor = max(runs, key=lambda run: len(run[1]), default=(0, ""))

    def stands_at(self, text: str, place: int) -> bool:
        if place < 0 or place + self.size > len(text):
            return False
        return all(text.startswith(run, place + offset) for offset, run in self._runs)

    def find(self, text: str, start: int) -> int:
        """The first place from ``start`` on, -1 if there is none.

        Raises:
            LimitReached: It would take too long.
        """
        offset, longest = self._anchor
        found = text.find(longest, start + offset)
        tries = 0
        while found >= 0 and found - offset + self.size <= len(text):
            if self.stands_at(text, found - offset):
                return found - offset
            tries += len(self._runs)
            if tries > _MOST_TRIES:
                raise LimitReached
            found = text.find(longest, found + 1)
        return -1


def _split_at_stars(pattern: str) -> list[list[str]]:
    """The parts between the stars; each a list of plain characters, ``?`` that stand for any, and ``~?`` for itself."""
    parts: list[list[str]] = [[]]
    for character in re.findall(r"~[*?~]|.", pattern, re.DOTALL):
        if character == "*":
            parts.append([])
        else:
            parts[-1].append(character)
    return parts


def _piece(tokens: list[str]) -> _Piece:
    runs: list[tuple[int, str]] = []
    begin = 0
    for end in range(len(tokens) + 1):
        if end == len(tokens) or tokens[end] == "?":
            if end > begin:
                runs.append((begin, "".join(token[-1] for token in tokens[begin:end])))
            begin = end + 1
    return _Piece(runs, len(tokens))


def _folded(text: str) -> str:
    """Lower case with every character at its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)
