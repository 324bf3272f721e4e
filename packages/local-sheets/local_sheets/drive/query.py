"""The ``q`` of files.list: ``name = 'x' and (mimeType contains 'sheet' or not trashed = true)``.

See https://developers.google.com/workspace/drive/api/guides/ref-search-terms
"""

import operator as operators
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local_sheets.drive.errors import invalid_value

_TOKEN = re.compile(
    r"""\s+|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z][A-Za-z0-9_.]*)|(?P<sign><=|>=|!=|=|<|>|\(|\)|\{|\})"""
)
_TIMES = ("modifiedTime", "createdTime", "viewedByMeTime", "sharedWithMeTime")
_FLAGS = ("trashed", "starred")
_PROPERTIES = ("properties", "appProperties")
_VISIBILITIES = ("anyoneCanFind", "anyoneWithLink", "domainCanFind", "domainWithLink", "limited")
_ROLES = {"owners": ("owner",), "writers": ("owner", "organizer", "fileOrganizer", "writer"), "readers": ()}

#: Under this name a file's data has ``words_of`` all that is in it, where a query asks for that.
FULL_TEXT = "fullText"

#: A file's data as ``files.file_resource`` gives it.
File = Mapping[str, Any]
Test = Callable[[File], bool]
Token = tuple[str, str]


def read_query(text: str | None) -> Test:
    """The test that a query stands for; no query lets everything through.

    Raises:
        DriveError: 400, the text is no query or asks for what is not known here.
    """
    if not text or not text.strip():
        return lambda file: True
    reader = _Reader(_tokens(text))
    try:
        test = reader.either()
    except RecursionError:
        raise invalid_value("q") from None
    if reader.peek() is not None:
        raise invalid_value("q")
    return test


def asks_for_contents(text: str | None) -> bool:
    """Whether a query can only be answered by those who know what is in the files."""
    return ("word", FULL_TEXT) in _tokens(text or "")


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise invalid_value("q")
        if match.lastgroup == "text":
            tokens.append(("text", re.sub(r"\\(.)", r"\1", match[0][1:-1])))
        elif match.lastgroup:
            tokens.append((match.lastgroup, match[0]))
        position = match.end()
    return tokens


class _Reader:
    """Recursive descent over the tokens of one query."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.position = tokens, 0

    def peek(self) -> Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self, kind: str | None = None) -> str:
        token = self.peek()
        if token is None or (kind is not None and token[0] != kind):
            raise invalid_value("q")
        self.position += 1
        return token[1]

    def skip(self, kind: str, text: str) -> bool:
        token = self.peek()
        if token is not None and token[0] == kind and token[1].lower() == text:
            self.position += 1
            return True
        return False

    def either(self) -> Test:
        """Terms with ``and`` and ``or`` between them, taken from left to right: neither binds closer."""
        first, rest = self.single(), []
        while self.peek() is not None and self.peek() != ("sign", ")"):
            is_and = self.skip("word", "and")
            if not is_and and not self.skip("word", "or"):
                raise invalid_value("q")
            rest.append((is_and, self.single()))

        def test(file: File) -> bool:
            result = first(file)
            for is_and, further in rest:
                result = (result and further(file)) if is_and else (result or further(file))
            return result

        return test

    def single(self) -> Test:
        if self.skip("word", "not"):
            inner = self.single()
            return lambda file: not inner(file)
        if self.skip("sign", "("):
            inner = self.either()
            if not self.skip("sign", ")"):
                raise invalid_value("q")
            return inner
        return self.term()

    def term(self) -> Test:
        kind, first = self.peek() or ("", "")
        self.position += 1
        if kind == "text":
            if not self.skip("word", "in"):
                raise invalid_value("q")
            return _member(first, self.take("word"))
        if kind != "word":
            raise invalid_value("q")
        if first == "sharedWithMe" and (self.peek() or ("word",))[0] != "sign":
            return lambda file: not file.get("ownedByMe")
        operator = self.take()
        if first in _PROPERTIES and operator == "has":
            return self.property_term(first)
        return _term(first, operator, self.take())

    def property_term(self, field: str) -> Test:
        """``properties has { key='x' and value='y' }``"""
        given: dict[str, str] = {}
        opened = self.skip("sign", "{")
        for name in ("key", "value"):
            if not opened or not self.skip("word", name) or not self.skip("sign", "="):
                raise invalid_value("q")
            given[name] = self.take("text")
            if name == "key" and not self.skip("word", "and"):
                raise invalid_value("q")
        if not self.skip("sign", "}"):
            raise invalid_value("q")
        return lambda file: file.get(field, {}).get(given["key"]) == given["value"]


def _member(value: str, field: str) -> Test:
    """``'x' in parents``, ``'a@b' in writers``."""
    if field == "parents":
        return lambda file: value in file.get("parents", [])
    if field in _ROLES and value == "me":
        return lambda file: _is_mine(file, field)
    if field in _ROLES:
        roles = _ROLES[field]
        return lambda file: any(
            str(permission.get("emailAddress", "")).casefold() == value.casefold()
            and (not roles or permission["role"] in roles)
            for permission in file.get("permissions", [])
        )
    raise invalid_value("q")


def _is_mine(file: File, field: str) -> bool:
    """Whether the caller is among the owners, writers or readers of a file that they see."""
    if field == "owners":
        return bool(file.get("ownedByMe"))
    return field == "readers" or bool(file.get("capabilities", {}).get("canEdit"))


def _visibility(file: File) -> str:
    for permission in file.get("permissions", ()):
        if permission.get("type") in ("anyone", "domain"):
            return f"{permission['type']}{'CanFind' if permission.get('allowFileDiscovery') else 'WithLink'}"
    return "limited"


def _term(field: str, operator: str, value: str) -> Test:
    if field in (*_FLAGS, "sharedWithMe") and value.lower() not in ("true", "false"):
        raise invalid_value("q")
    if field in _FLAGS and operator in ("=", "!="):
        wanted = (value.lower() == "true") is (operator == "=")
        return lambda file: bool(file.get(field)) is wanted
    if field == "sharedWithMe" and operator in ("=", "!="):
        shared = (value.lower() == "true") is (operator == "=")
        return lambda file: (not file.get("ownedByMe")) is shared
    if field == "shortcutDetails.targetId" and operator in ("=", "!="):
        return lambda file: operator == "!="  # no file here is a shortcut
    if field == "visibility" and operator in ("=", "!=") and value in _VISIBILITIES:
        return lambda file: (_visibility(file) == value) is (operator == "=")
    if field in _TIMES and operator in ("<", "<=", "=", "!=", ">", ">="):
        return _time_term(field, operator, value)
    if field in ("name", "mimeType", "fullText"):
        return _text_term(field, operator, value)
    raise invalid_value("q")


def _text_term(field: str, operator: str, value: str) -> Test:
    if operator == "contains":
        return _full_text(value) if field == "fullText" else _contains(field, value)
    if operator not in ("=", "!=") or field == "fullText":
        raise invalid_value("q")
    return lambda file: (file.get(field) == value) is (operator == "=")


def words_of(text: str) -> str:
    """The words of a text in small letters, each between spaces: whatever is neither letter nor digit parts them."""
    return " " + " ".join(re.findall(r"[^\W_]+", text.casefold())) + " "


def _full_text(value: str) -> Test:
    """All words stand somewhere in the file; what is in double quotes stands there as it is."""
    phrases = [quoted or word for quoted, word in re.findall(r'"([^"]*)"|([^\s"]+)', value)]
    wanted = [words_of(phrase) for phrase in phrases]
    return lambda file: all(words in file.get(FULL_TEXT, "") for words in wanted if words.strip())


def _contains(field: str, value: str) -> Test:
    """A name contains what one of its words starts with, in any case; a type what it starts with."""
    folded = value.casefold()
    if field == "mimeType":
        return lambda file: str(file.get(field, "")).casefold().startswith(folded)
    expression = re.compile(r"(?:^|[^\w])" + re.escape(folded) if folded[:1].isalnum() else re.escape(folded))
    return lambda file: expression.search(str(file.get("name", "")).casefold()) is not None


def _time_term(field: str, operator: str, value: str) -> Test:
    wanted = _instant(value)
    fits = _COMPARISONS[operator]
    return lambda file: file.get(field) is not None and fits(_instant(file[field]), wanted)


_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
    "=": operators.eq,
    "!=": operators.ne,
}


def _instant(text: str) -> datetime:
    """A time in RFC 3339, in UTC where it names no zone.

    Raises:
        DriveError: 400, it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_value("q") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
