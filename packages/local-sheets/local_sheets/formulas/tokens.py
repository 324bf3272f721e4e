"""Formula text to tokens; every token knows its place in the text, so that references can be rewritten in place."""

import re
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from local_sheets.formulas.faults import PARSE_ERROR, Fault

_TITLE = r"(?:(?:'(?:[^']|'')+'|[^\W\d][\w.]*|\d+[^\W\d][\w.]*)!)"
_POINT = r"\$?[A-Za-z]{1,3}\$?[1-9][0-9]{0,7}"
_AREA = (
    rf"(?:{_POINT}:{_POINT}|{_POINT}:\$?[A-Za-z]{{1,3}}|{_POINT}:\$?[0-9]{{1,8}}|\$?[A-Za-z]{{1,3}}:{_POINT}"
    rf"|\$?[A-Za-z]{{1,3}}:\$?[A-Za-z]{{1,3}}|\$?[0-9]{{1,8}}:\$?[0-9]{{1,8}}|{_POINT})"
)


class Kind(Enum):
    NUMBER = auto()
    TEXT = auto()
    REFERENCE = auto()
    FUNCTION = auto()
    NAME = auto()
    TABLE = auto()
    ERROR = auto()
    OPERATOR = auto()
    SEPARATOR = auto()
    OPEN = auto()
    CLOSE = auto()


class Token(NamedTuple):
    """``start`` and ``end`` are places in the formula's text."""

    kind: Kind
    text: str
    start: int
    end: int


@cache
def _expression(decimal_comma: bool) -> re.Pattern[str]:
    point = "," if decimal_comma else r"\."
    return re.compile(
        rf"(?P<space>\s+)"
        rf'|(?P<TEXT>"(?:[^"]|"")*")'
        rf"|(?P<OPERATOR><>|<=|>=|[-+*/^&=<>%:])"
        rf"|(?P<SEPARATOR>[,;\\])"
        rf"|(?P<OPEN>[({{])"
        rf"|(?P<CLOSE>[)}}])"
        rf"|(?P<ERROR>{_TITLE}?\#(?:REF!|DIV/0!|N/A|NAME\?|NULL!|NUM!|VALUE!|ERROR!))"
        rf"|(?P<REFERENCE>{_TITLE}?{_AREA})(?![\w.(!\[])"
        rf"|(?P<TABLE>[^\W\d][\w.]*\[(?:[^\[\]]|\[[^\[\]]*\])*\])"
        rf"|(?P<FUNCTION>[^\W\d][\w.]*)(?=\()"
        rf"|(?P<NUMBER>(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?)"
        rf"|(?P<NAME>{_TITLE}?[^\W\d][\w.]*)"
    )


def tokenize(text: str, *, decimal_comma: bool = False) -> list[Token]:
    """The tokens of a formula, without its leading ``=`` and without spaces.

    Raises:
        Fault: ``#ERROR!``, a character starts no token.
    """
    expression, tokens = _expression(decimal_comma), []
    position = 1 if text.startswith("=") else 0
    while position < len(text):
        match = expression.match(text, position)
        if match is None:
            raise Fault(PARSE_ERROR)
        if match.lastgroup != "space":
            tokens.append(Token(Kind[str(match.lastgroup)], match[0], position, match.end()))
        position = match.end()
    return tokens
