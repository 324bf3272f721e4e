"""A query of one's own as text: what stands in it, and how it is wrapped so that it gives the rows of some keys.

Nothing here reads SQL beyond telling texts, quoted names and comments from the rest; the database does that.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sheets_pipeline.sync.parameters import OPAQUE, escaped

_PARTS = re.compile(rf"(?P<opaque>{OPAQUE})|(?P<keys>(?<!:):keys\b)|(?P<end>;)", re.DOTALL)
_BEGINS = re.compile(r"\(*\s*(select|with|values|table)\b", re.IGNORECASE)


class UnusableQuery(ValueError):
    """What a query cannot be; ``line`` is that of its text, counted from 0."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Query:
    """A query in parts: between two of them stands a condition on the keys, of these columns.

    ``SELECT ... WHERE :keys(s.id, c.id)`` has the parts ``SELECT ... WHERE`` and a blank one, and the columns (s.id, c.id).
    """

    parts: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...] = ()

    @property
    def all_rows(self) -> str:
        """The query without a condition on the keys."""
        return "(1 = 1)".join(self.parts)

    @property
    def names_keys(self) -> bool:
        """Whether ``:keys`` stands in it, so that it need not be wrapped."""
        return bool(self.columns)


def parse(text: str, key_columns: int) -> Query:
    """Take a query apart.

    Raises:
        UnusableQuery: It is no query, holds a second statement, or ``:keys`` does not name each key column.
    """
    parts: list[str] = []
    columns: list[tuple[str, ...]] = []
    begun, ended = 0, len(text)
    for match in _PARTS.finditer(text):
        if match["end"]:
            if _without_comments(text[match.end() :]).strip().strip(";"):
                raise UnusableQuery(
                    "a second statement follows the semicolon. Leave one query", _line(text, match.end())
                )
            ended = match.start()
            break
        if match["keys"]:
            if match.start() < begun:
                raise UnusableQuery(":keys stands within :keys(...)", _line(text, match.start()))
            arguments, end = _arguments(text, match.end())
            if len(arguments) != key_columns:
                raise UnusableQuery(
                    f":keys names {len(arguments)} columns, the key has {key_columns}. Write :keys(a, b), with a column "
                    "or expression of the query for each key column, as a condition",
                    _line(text, match.start()),
                )
            columns.append(arguments)
            parts.append(text[begun : match.start()])
            begun = end
    parts.append(text[begun:ended])
    if not _BEGINS.match(_without_comments(" ".join(parts)).lstrip()):
        raise UnusableQuery("it is no query. Expected it to begin with SELECT or WITH")
    return Query((*parts[:-1], parts[-1].rstrip()), tuple(columns))


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place)


def _without_comments(text: str) -> str:
    return re.sub(OPAQUE, lambda found: " " if found[0][:2] in ("--", "/*") else found[0], text, flags=re.DOTALL)


def _arguments(text: str, begun: int) -> tuple[tuple[str, ...], int]:
    """What stands in the brackets that follow, and where they end; nothing where none follow."""
    if not (bracket := re.compile(r"\s*\(").match(text, begun)):
        return (), begun
    depth, arguments, first = 1, [], bracket.end()
    for match in re.compile(rf"(?P<opaque>{OPAQUE})|[(),]", re.DOTALL).finditer(text, bracket.end()):
        if match["opaque"]:
            continue
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 or (depth == 1 and match[0] == ","):
            arguments.append(text[first : match.start()].strip())
            first = match.end()
        if depth == 0:
            return tuple(filter(None, arguments)), match.end()
    return (), begun


@dataclass(frozen=True, slots=True)
class Asked:
    """How some keys are asked for: their columns or expressions, which parts of all of them are blank, what stands for a value.

    A blank part is that of a row where the column is NULL, or a text of no characters.
    """

    columns: tuple[str, ...]
    blank: tuple[bool, ...]
    dialect: str

    @property
    def placeholder(self) -> str:
        """What the driver takes for a parameter; SQLite is given each part as text and as number."""
        return "?" if self.dialect == "sqlite" else "%s"

    def same(self, columns: Sequence[str] | None = None, value: str = "") -> str:
        """The condition on one key."""
        equal = f"= {value}" if value else "IN (?, ?)" if self.dialect == "sqlite" else "= %s"
        text = "TEXT" if self.dialect in {"postgresql", "sqlite"} else "CHAR"
        return " AND ".join(
            f"({column} IS NULL OR CAST({column} AS {text}) = '')" if is_blank else f"{column} {equal.format(i)}"
            for i, (column, is_blank) in enumerate(zip(columns or self.columns, self.blank, strict=True))
        )


def lateral(query: Query, asked: Asked, types: Sequence[str]) -> str:
    """The rows of some keys, for PostgreSQL: each key is looked up by itself, so that its index serves.

    Args:
        query: Of all rows.
        asked: The key columns, quoted.
        types: Their types; the parameters are arrays of texts.
    """
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    same = asked.same([f"q.{name}" for name in asked.columns], "k.k{0}")
    keys = ", ".join(f"k{i}" for i in range(len(types)))
    return (
        f"SELECT t.* FROM unnest({arrays}) AS k({keys}) CROSS JOIN LATERAL (\n"
        f"SELECT * FROM (\n{escaped(query.all_rows, '%s')}\n) AS q WHERE {same} OFFSET 0) AS t"
    )


def one_by_one(query: Query, asked: Asked, keys: int) -> str:
    """The rows of so many keys, for databases without LATERAL."""
    same = asked.same([f"q.{name}" for name in asked.columns])
    one = f"SELECT * FROM (\n{escaped(query.all_rows, asked.placeholder)}\n) AS q WHERE {same}"
    return "\nUNION ALL ".join([one] * keys)


def with_condition(query: Query, asked: Asked, keys: int) -> str:
    """The query with a condition on so many keys in each place of ``:keys``; parameters key by key, place by place."""
    text = [escaped(query.parts[0], asked.placeholder)]
    for columns, part in zip(query.columns, query.parts[1:], strict=True):
        named = [escaped(column, asked.placeholder) for column in columns]
        text += [_condition(asked, named, keys), escaped(part, asked.placeholder)]
    return "".join(text)


def _condition(asked: Asked, columns: Sequence[str], keys: int) -> str:
    if len(columns) == 1:
        kinds = 2 if asked.dialect == "sqlite" else 1
        return f"({columns[0]} IN ({', '.join([asked.placeholder] * keys * kinds)}))"
    return "(" + " OR ".join([f"({asked.same(columns)})"] * keys) + ")"


def chunks(keys: Sequence[tuple[str, ...]], size: int) -> Iterator[Sequence[tuple[str, ...]]]:
    """The keys, at most ``size`` at a time."""
    for i in range(0, len(keys), size):
        yield keys[i : i + size]
