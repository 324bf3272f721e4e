"""Number format patterns, read once into sections of tokens.

The tokens are those of https://developers.google.com/workspace/sheets/api/guides/formats#number_format_tokens and
of the date-time table on the same page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?(?:[0-9]+\.?[0-9]*|\.[0-9]+))")
_COLOUR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|colou?r ?[0-9]+", re.IGNORECASE)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
#: ``PM`` alone, as in ``h PM``, is what ``am/pm`` is.
_NOON = re.compile(r"am/pm|a/p|(?<![^\W\d_])(?:AM|PM)(?![^\W\d_])", re.IGNORECASE)
_EXPONENT = re.compile(r"e[+-](?=[0#?])", re.IGNORECASE)
_GENERAL = re.compile(r"general", re.IGNORECASE)


#: Longer patterns are none: they would show more than any cell can hold, and take long for it.
MOST_CHARACTERS = 1_000


class Token(NamedTuple):
    """``kind`` is literal, digit (0 # ?), point, comma, percent, exponent, slash, text (@), general or date."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a pattern between semicolons."""

    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None

    @property
    def is_date(self) -> bool:
        return any(token.kind == "date" for token in self.tokens)

    @property
    def has_text(self) -> bool:
        return any(token.kind == "text" for token in self.tokens)

    @property
    def has_number(self) -> bool:
        return any(token.kind in ("digit", "date", "general") for token in self.tokens)


@lru_cache(maxsize=1024)
def read_pattern(pattern: str) -> tuple[Section, ...]:
    """The sections of a pattern, in order; an empty pattern has one empty section."""
    return tuple(_read_section(text) for text in _split(pattern))


def pieces_of(pattern: str) -> Iterator[str]:
    """Its quoted, bracketed and escaped runs, and each other character by itself."""
    position = 0
    while position < len(pattern):
        end = _skip(pattern, position)
        yield pattern[position:end]
        position = end


def _split(pattern: str) -> list[str]:
    """Split at semicolons outside quotes, brackets and escapes."""
    parts = [""]
    for piece in pieces_of(pattern):
        if piece == ";":
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _skip(pattern: str, position: int) -> int:
    """The end of the quoted, bracketed or escaped run at this position, or of its one character."""
    char = pattern[position]
    if char in "\\_*":
        return min(position + 2, len(pattern))
    if char in '"[':
        end = pattern.find('"' if char == '"' else "]", position + 1)
        return len(pattern) if end < 0 else end + 1
    return position + 1


def _read_section(text: str) -> Section:
    tokens: list[Token] = []
    condition: tuple[str, float] | None = None
    position = 0
    while position < len(text):
        if text[position] == "[":
            end = _skip(text, position)
            inside = text[position + 1 : end].removesuffix("]")
            if match := _CONDITION.fullmatch(inside.strip()):
                condition = (match[1], float(match[2]))
            else:
                tokens.extend(_bracket(inside))
            position = end
            continue
        token, position = _next_token(text, position)
        tokens.append(token)
    return Section(_dates_apart(tokens), condition)


def _bracket(inside: str) -> list[Token]:
    if _ELAPSED.fullmatch(inside):
        return [Token("date", f"[{inside.lower()}]")]
    if _COLOUR.fullmatch(inside.strip()):
        return []
    if inside.startswith("$"):
        return [Token("literal", inside[1:].split("-")[0])]
    return [Token("literal", f"[{inside}]")]


def _next_token(text: str, position: int) -> tuple[Token, int]:
    char = text[position]
    if char in '\\_*"':
        end = _skip(text, position)
        body = text[position + 1 : end]
        if char == '"':
            return Token("literal", body.removesuffix('"')), end
        return Token("literal", {"\\": body, "_": " ", "*": ""}[char]), end
    for kind, expression in (("date", _NOON), ("exponent", _EXPONENT), ("general", _GENERAL)):
        if match := expression.match(text, position):
            return Token(kind, match[0]), match.end()
    if char in "0#?":
        return Token("digit", char), position + 1
    if char.lower() in "ymdhs":
        end = position
        while end < len(text) and text[end].lower() == char.lower():
            end += 1
        return Token("date", text[position:end]), end
    kind = {".": "point", ",": "comma", "%": "percent", "/": "slash", "@": "text"}.get(char, "literal")
    return Token(kind, char), position + 1


def _dates_apart(tokens: list[Token]) -> tuple[Token, ...]:
    """In a date section the number tokens are plain text, but for zeros, the fraction of a second."""
    if not any(token.kind == "date" for token in tokens):
        return tuple(tokens)
    kept: list[Token] = []
    for token in tokens:
        if token == Token("digit", "0") and kept and kept[-1].kind == "fraction":
            kept[-1] = Token("fraction", kept[-1].text + "0")
        elif token == Token("digit", "0"):
            kept.append(Token("fraction", "0"))
        elif token.kind == "date":
            kept.append(token)
        else:
            kept.append(Token("literal", token.text))
    return tuple(_minutes_apart(kept))


def _minutes_apart(tokens: list[Token]) -> list[Token]:
    """``m`` and ``mm`` after an hour or before a second are minutes (``n``), else months; ``M`` is always a month."""
    dates = [index for index, token in enumerate(tokens) if token.kind == "date" and "/" not in token.text]
    for place, index in enumerate(dates):
        if tokens[index].text not in ("m", "mm"):
            continue
        before = tokens[dates[place - 1]].text.lower() if place else ""
        after = tokens[dates[place + 1]].text.lower() if place + 1 < len(dates) else ""
        if before.strip("[]").startswith("h") or after.strip("[]").startswith("s"):
            tokens[index] = Token("date", "n" * len(tokens[index].text))
    return tokens
