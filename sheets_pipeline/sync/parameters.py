"""Parameters of ``keys_sql``: ``:name`` and ``:"Any Name"`` stand for columns of the changed row."""

import re

#: What hides all else in SQL: comments, texts and quoted names of PostgreSQL, MySQL/MariaDB and SQLite.
OPAQUE = r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(?P<mark>\w*)\$.*?\$(?P=mark)\$"""

_PARAMETER = re.compile(
    rf"""(?<![:\w\\]):(?:(?P<plain>[^\W\d]\w*)|"(?P<quoted>(?:[^"]|"")+)"|`(?P<ticked>[^`]+)`)|(?P<opaque>{OPAQUE})""",
    re.DOTALL,
)


def parameters(sql: str) -> tuple[str, ...]:
    """The columns that a query names, each once."""
    return tuple(dict.fromkeys(name for match in _PARAMETER.finditer(sql) if (name := _name(match))))


def positional(sql: str, placeholder: str) -> tuple[str, list[str]]:
    """The query as a driver takes it, and the columns whose values it is given in order.

    Args:
        sql: The query.
        placeholder: What the driver takes for a value: ``?``, or ``%s``, beside which a percent sign is doubled.
    """
    parts: list[str] = []
    names: list[str] = []
    begun = 0
    for match in _PARAMETER.finditer(sql):
        if name := _name(match):
            parts.append(escaped(sql[begun : match.start()], placeholder))
            names.append(name)
            begun = match.end()
    return placeholder.join([*parts, escaped(sql[begun:], placeholder)]), names


def escaped(text: str, placeholder: str) -> str:
    """SQL that is run with parameters: drivers that write ``%s`` for one take ``%%`` for a percent sign."""
    return text.replace("%", "%%") if placeholder == "%s" else text


def _name(match: re.Match[str]) -> str:
    """Of the column; blank where it is none."""
    return match["plain"] or (match["quoted"] or "").replace('""', '"') or match["ticked"] or ""
