"""Queries: text to tree.

Grammar: https://developers.google.com/chart/interactive/docs/querylanguage#Language_Syntax
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from local_sheets.cell_values.serial import to_serial
from local_sheets.formulas.query.moments import read_date, read_moment, read_time
from local_sheets.formulas.query.table import QueryError, Value


@dataclass(frozen=True, slots=True)
class Field:
    """A column by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class Literal:
    """``kind`` is that of a column."""

    value: Value
    kind: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``name`` is sum, avg, count, min or max."""

    name: str
    field: Field


@dataclass(frozen=True, slots=True)
class Scalar:
    """A function of one row's values; operators are sum, difference, product, quotient and modulo."""

    name: str
    arguments: "tuple[Expression, ...]"


Expression = Field | Literal | Aggregate | Scalar


@dataclass(frozen=True, slots=True)
class Comparison:
    """``operator`` may be a word: contains, starts with, ends with, matches, like."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Not:
    inner: "Condition"


@dataclass(frozen=True, slots=True)
class Both:
    """All (``is_all``) or any of the parts."""

    parts: "tuple[Condition, ...]"
    is_all: bool


Condition = Comparison | IsNull | Not | Both


@dataclass(slots=True)
class Query:
    """The clauses of a query; ``select`` is None for all columns."""

    select: list[Expression] | None = None
    where: Condition | None = None
    group: list[Expression] = field(default_factory=list)
    pivot: list[Expression] = field(default_factory=list)
    order: list[tuple[Expression, bool]] = field(default_factory=list)
    skipping: int = 0
    limit: int | None = None
    offset: int = 0
    labels: dict[Expression, str] = field(default_factory=dict)
    formats: dict[Expression, str] = field(default_factory=dict)
    options: set[str] = field(default_factory=set)


T = TypeVar("T")


class _Token(NamedTuple):
    kind: str
    text: str


_TOKEN = re.compile(
    r"\s+|(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<string>'[^']*'|\"[^\"]*\")|(?P<quoted>`[^`]+`)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><=|>=|<>|!=|[-+*/%(),=<>])"
)
_RESERVED = {
    "select", "where", "group", "pivot", "order", "by", "skipping", "limit", "offset", "label", "format", "options",
    "asc", "desc", "true", "false", "and", "or", "not", "date", "timeofday", "datetime", "timestamp",
}  # fmt: skip
_AGGREGATES = {"sum", "avg", "count", "min", "max"}
_SCALARS = {
    "year": 1, "month": 1, "day": 1, "hour": 1, "minute": 1, "second": 1, "millisecond": 1, "quarter": 1,
    "dayofweek": 1, "now": 0, "datediff": 2, "todate": 1, "upper": 1, "lower": 1,
}  # fmt: skip
#: Names as labels show them.
_SHOWN = {"dayofweek": "dayOfWeek", "datediff": "dateDiff", "todate": "toDate"}
_SUMS, _PRODUCTS = {"+": "sum", "-": "difference"}, {"*": "product", "/": "quotient", "%": "modulo"}
_COMPARISONS = {"=", "!=", "<>", "<", ">", "<=", ">="}
_WORDS = {"contains": "contains", "matches": "matches", "like": "like"}
_MOST_DEPTH = 60


def parse_query(text: str) -> Query:
    """The tree of a query; an empty text asks for everything.

    Raises:
        QueryError: The text is no query.
    """
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError(f'PARSE_ERROR: Lexical error: encountered "{text[position]}" at column {position + 1}.')
        if match.lastgroup:
            found.append(_Token(match.lastgroup, match[0]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.position, self.depth = tokens, 0, 0
        #: Where parentheses open that do not hold conditions: nobody tries these twice.
        self.of_expressions: set[int] = set()

    # -- tokens

    def peek(self, ahead: int = 0) -> str:
        """The token as a keyword or sign; text and quoted names are none."""
        place = self.position + ahead
        if place >= len(self.tokens):
            return ""
        token = self.tokens[place]
        return token.text.lower() if token.kind in ("word", "sign") else f" {token.kind}"

    def take(self, *texts: str) -> bool:
        """Step over these tokens if they are the next."""
        if all(self.peek(ahead) == text for ahead, text in enumerate(texts)):
            self.position += len(texts)
            return True
        return False

    def expect(self, *texts: str) -> None:
        if not self.take(*texts):
            raise self.wrong()

    def wrong(self) -> QueryError:
        if self.position >= len(self.tokens):
            return QueryError('PARSE_ERROR: Encountered "<EOF>".')
        return QueryError(f'PARSE_ERROR: Encountered "{self.tokens[self.position].text}".')

    def token(self, kind: str) -> str:
        if self.position >= len(self.tokens) or self.tokens[self.position].kind != kind:
            raise self.wrong()
        self.position += 1
        return self.tokens[self.position - 1].text

    def string(self) -> str:
        return self.token("string")[1:-1]

    def whole(self) -> int:
        text = self.token("number")
        if not text.isdigit():
            raise QueryError(f'PARSE_ERROR: Encountered "{text}".')
        return int(text)

    # -- clauses

    def query(self) -> Query:
        query = Query()
        if self.take("select") and not self.take("*"):
            query.select = self.listed(self.expression)
        if self.take("where"):
            query.where = self.any_of()
        if self.take("group", "by"):
            query.group = self.listed(self.expression)
        if self.take("pivot"):
            query.pivot = self.listed(self.expression)
        if self.take("order", "by"):
            query.order = self.listed(self.sorting)
        query.skipping = self.whole() if self.take("skipping") else 0
        query.limit = self.whole() if self.take("limit") else None
        query.offset = self.whole() if self.take("offset") else 0
        if self.take("label"):
            query.labels = dict(self.listed(lambda: (self.expression(), self.string())))
        if self.take("format"):
            query.formats = dict(self.listed(lambda: (self.expression(), self.string())))
        if self.take("options"):
            while self.peek() in ("no_format", "no_values"):
                query.options.add(self.token("word").lower())
        if self.position < len(self.tokens):
            raise self.wrong()
        return query

    def listed(self, read: Callable[[], T]) -> list[T]:
        found = [read()]
        while self.take(","):
            found.append(read())
        return found

    def sorting(self) -> tuple[Expression, bool]:
        """An expression, and whether it falls."""
        found = self.expression()
        falls = self.take("desc")
        if not falls:
            self.take("asc")
        return found, falls

    # -- conditions

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.take("or"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else Both(tuple(parts), is_all=False)

    def all_of(self) -> Condition:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else Both(tuple(parts), is_all=True)

    def negation(self) -> Condition:
        if self.take("not"):
            return Not(self.deeper(self.negation))
        if self.peek() == "(" and self.position not in self.of_expressions:
            start, depth = self.position, self.depth
            self.position += 1
            try:
                found = self.deeper(self.any_of)
                self.expect(")")
            except QueryError:  # the parenthesis is that of an expression: (A + B) > 3
                self.position, self.depth = start, depth
                self.of_expressions.add(start)
            else:
                return found
        return self.comparison()

    def comparison(self) -> Condition:
        left = self.expression()
        if self.take("is"):
            negated = self.take("not")
            self.expect("null")
            return IsNull(left, negated)
        sign = self.peek()
        if sign in _COMPARISONS or sign in _WORDS:
            self.position += 1
            return Comparison("!=" if sign == "<>" else sign, left, self.expression())
        for word in ("starts", "ends"):
            if self.take(word, "with"):
                return Comparison(f"{word} with", left, self.expression())
        raise self.wrong()

    # -- expressions

    def expression(self) -> Expression:
        found = self.product()
        while self.peek() in _SUMS:
            name = _SUMS[self.peek()]
            self.position += 1
            found = Scalar(name, (found, self.product()))
        return found

    def product(self) -> Expression:
        found = self.operand()
        while self.peek() in _PRODUCTS:
            name = _PRODUCTS[self.peek()]
            self.position += 1
            found = Scalar(name, (found, self.operand()))
        return found

    def operand(self) -> Expression:
        if self.take("("):
            found = self.deeper(self.expression)
            self.expect(")")
            return found
        if self.take("-"):
            return Literal(-_number(self.token("number")), "number")
        if self.position >= len(self.tokens):
            raise self.wrong()
        kind, text = self.tokens[self.position]
        if kind == "number":
            self.position += 1
            return Literal(_number(text), "number")
        if kind == "string":
            return Literal(self.string(), "string")
        if kind == "quoted":
            self.position += 1
            return Field(text[1:-1])
        return self.word()

    def word(self) -> Expression:
        text = self.token("word")
        word = text.lower()
        if self.peek() == "(" and word in _AGGREGATES:
            return self.aggregate(word)
        if self.peek() == "(" and word in _SCALARS:
            self.position += 1
            arguments = () if self.peek() == ")" else tuple(self.listed(lambda: self.deeper(self.expression)))
            self.expect(")")
            if len(arguments) != _SCALARS[word]:
                raise QueryError(f"The function {text} takes {_SCALARS[word]} arguments, {len(arguments)} were given.")
            return Scalar(_SHOWN.get(word, word), arguments)
        if word in ("true", "false"):
            return Literal(word == "true", "boolean")
        if word in ("date", "datetime", "timestamp", "timeofday"):
            return self.moment(word)
        if word in _RESERVED:
            self.position -= 1
            raise self.wrong()
        return Field(text)

    def aggregate(self, name: str) -> Aggregate:
        self.expect("(")
        inner = self.expression()
        self.expect(")")
        if not isinstance(inner, Field):
            raise QueryError(f"PARSE_ERROR: {name}() takes a column.")
        return Aggregate(name, inner)

    def moment(self, kind: str) -> Literal:
        text = self.string()
        match kind:
            case "date":
                return Literal(to_serial(read_date(text)), "date")
            case "timeofday":
                return Literal(read_time(text), "timeofday")
        return Literal(to_serial(read_moment(text)), "datetime")

    def deeper(self, read: Callable[[], T]) -> T:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise QueryError("PARSE_ERROR: The query is nested too deeply.")
        found = read()
        self.depth -= 1
        return found


def _number(text: str) -> float | int:
    return int(text) if text.isdigit() else float(text)
