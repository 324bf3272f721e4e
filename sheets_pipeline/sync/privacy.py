"""What may be said where others read it: no value of a cell, no key that may be a person's, the names that help to mend it.

Databases and libraries quote what they stumbled over (``invalid input syntax for type integer: "Jane Doe"``), and names of
columns look the same. A quoted word is kept where it stands in the query or in the tab's declaration, where a person wrote
it themselves; all others are struck out.
"""

import builtins
import re
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path

from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline.sync.tab import ColumnType, Tab

#: What PostgreSQL adds on lines of their own; DETAIL and CONTEXT quote whole rows.
_ADDED = re.compile(r"\s*\b(?:DETAIL|CONTEXT|QUERY|STATEMENT|WHERE|PARAMETERS):.*", re.DOTALL)
#: SQLAlchemy's: the statement, its parameters, a link.
_APPENDED = re.compile(r"\s*\[(?:SQL|parameters):.*|\s*\(Background on this error.*", re.DOTALL)
_QUOTED = re.compile(r"""(?P<mark>["'`])(?P<word>(?:\\.|(?!(?P=mark)).)*)(?P=mark)(?!\w)|["'`“‘«].*""", re.DOTALL)
#: Errors that somebody's own function raises (P0001) are their words, whatever these hold.
_OWN_WORDS = {"P0001", "45000"}
#: Classes of SQLSTATE that are about syntax, names, rights: what they quote are names. Source: the SQL standard, part 2, table 38.
_ABOUT_THE_STATEMENT = ("42", "0A", "3F")
_LONGEST = 500
_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){4}[0-9a-f]{8}", re.IGNORECASE)

#: In the place of a key that is not shown.
NOT_SHOWN = "(not shown)"


def without_values(error: BaseException, names: Collection[str] = ()) -> str:
    """An error's kind and message, with everything struck out that may be the value of a cell.

    Args:
        error: SQLAlchemy's errors bring their query with them.
        names: Words that may be shown, such as those of the tab's declaration.
    """
    cause = getattr(error, "orig", None) or error
    kind, state = type(cause).__name__, str(getattr(cause, "sqlstate", None))
    if state in _OWN_WORDS:
        return f"{kind}: a message of the database's own functions, which may hold values"
    known = {*names, *re.findall(r"\w+", str(getattr(error, "statement", None) or "")), *dir(builtins)}
    is_numbered = len(cause.args) > 1 and isinstance(cause.args[0], int)  # as MySQL's drivers have it
    message = _APPENDED.sub("", _ADDED.sub("", str(cause.args[1] if is_numbered else cause)))
    if not state.startswith(_ABOUT_THE_STATEMENT):
        message = _QUOTED.sub(lambda quoted: quoted[0] if _is_known(quoted["word"], known) else "...", message)
    message = " ".join(message.split()).rstrip("^ ")[:_LONGEST]
    return f"{kind}: {message}" if message else kind


def _is_known(word: str | None, known: Collection[str]) -> bool:
    return word is not None and all(part in known for part in word.split("."))


def shown_key(tab: Tab, key: str, types: Mapping[str, ColumnType] = {}) -> str | None:
    """A row's key as others may read it; None where it may be a person's, as an address or a name is.

    Numbers, dates and UUIDs say nothing of anybody by themselves. Texts are shown where the tab's declaration allows it.

    Args:
        tab: As declared.
        key: Its parts as ``KEY_SEPARATOR`` joins them.
        types: Of columns whose type the declaration leaves to the query, as far as they are known.
    """
    parts = key.split(KEY_SEPARATOR)
    kinds = [types.get(name, tab.column(name).type) for name in tab.key]
    is_shown = len(parts) == len(kinds) and all(
        kind not in (ColumnType.TEXT, ColumnType.JSON) or _UUID.fullmatch(part)
        for part, kind in zip(parts, kinds, strict=True)
    )
    return ", ".join(parts) if is_shown or not key or tab.allow_values_in_event_log else None


def where_raised(error: BaseException) -> str:
    """The way through the code, without its text: one line per call, the innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)
