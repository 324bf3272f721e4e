"""YAML with the line of every value: what is read is plain Python, and each fault names where it stands.

Read so and not by ``yaml.safe_load``, which lets the last of two equal keys win, says nothing of lines and makes dates of
texts. ``{env: NAME}`` and ``{{ env.NAME }}`` stand for variables of the environment, which must be there.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

#: Where a value stands: keys and indices from the document's root.
Place = tuple[str | int, ...]

#: More values than people write: aliases of aliases grow without end.
_MOST_VALUES = 20_000

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_STANDARD = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and on which line (counted from 1)."""

    line: int
    text: str


@dataclass(slots=True)
class Document:
    """One YAML document: its value, and of each value its line and the text that was written for it."""

    line: int
    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    written: dict[Place, str] = field(default_factory=dict)
    #: Values that come from the environment: no message shows them.
    hidden: set[Place] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    #: Places of values that a fault tells of already.
    failed: set[Place] = field(default_factory=set)

    def line_of(self, place: Place) -> int:
        """The line of a value, else of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, self.line)


def read_documents(text: str, environment: Mapping[str, str]) -> Iterator[Document]:
    """The documents of a file; the last one holds the fault where the text from there on is no YAML."""
    last_line = 1
    try:
        for node in yaml.compose_all(text, yaml.SafeLoader):
            last_line = node.end_mark.line + 1
            yield _Reader(environment, _line(node)).read(node)
    except (yaml.YAMLError, RecursionError) as error:
        fault = _syntax_fault(error, text, last_line)
        yield Document(fault.line, faults=[fault])


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _syntax_fault(error: Exception, text: str, line: int) -> Fault:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Fault(line, f"the character U+{error.character:04X} may not stand in YAML. Remove it")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else line
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it is nested too deep")
    context = getattr(error, "context", None)
    if r"'\t'" in problem:
        return Fault(line, "there is a tab character where YAML takes blanks alone. Indent with blanks")
    if "found undefined alias" in problem:
        return Fault(line, f"{problem.replace('found undefined alias', 'no anchor is named')}. Define it (&name) above")
    what = f"{context}: {problem}" if context else problem
    return Fault(
        line, f"this is no YAML ({what}). Look at indentation, colons, brackets and quotes on and above this line"
    )


class _Reader:
    """Makes plain values of the nodes of one document."""

    def __init__(self, environment: Mapping[str, str], line: int) -> None:
        self._environment = environment
        self._document = Document(line)
        self._construct = yaml.constructor.SafeConstructor()
        self._values = 0

    def read(self, node: Node) -> Document:
        self._document.value = self._value(node, (), ())
        return self._document

    def _fault(self, node: Node, text: str) -> Any:
        """Note it; there is no value then."""
        self._document.faults.append(Fault(_line(node), text))
        return None

    def _told(self, place: Place, read: Callable[[], Any]) -> Any:
        """What is read; whoever looks at it later need not say once more that it is wrong."""
        before = len(self._document.faults)
        value = read()
        if len(self._document.faults) > before:
            self._document.failed.add(place)
        return value

    def _value(self, node: Node, place: Place, around: tuple[int, ...]) -> Any:
        self._document.lines.setdefault(place, _line(node))
        self._values += 1
        if id(node) in around:
            return self._fault(node, "an anchor holds itself. Write the values out")
        if self._values > _MOST_VALUES:
            if self._values == _MOST_VALUES + 1:
                self._fault(node, f"there are more than {_MOST_VALUES:,} values. Use fewer aliases")
            return None
        around = (*around, id(node))
        if isinstance(node, ScalarNode):
            return self._told(place, lambda: self._scalar(node, place))
        if node.tag not in (f"{_STANDARD}map", f"{_STANDARD}seq"):
            return self._fault(node, f"the tag {_tag(node)} is unknown. Remove it")
        if isinstance(node, SequenceNode):
            return [self._value(one, (*place, i), around) for i, one in enumerate(node.value)]
        return self._mapping(node, place, around)

    def _mapping(self, node: MappingNode, place: Place, around: tuple[int, ...]) -> Any:
        if [key.value for key, _ in node.value] == ["env"]:
            return self._told(place, lambda: self._variable(node.value[0][1], place))
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._fault(key, "a key is a list or a mapping. Write a name before the colon, and {{ ... }} in quotes")
                continue
            name = str(key.value)
            if name == "<<" and key.tag.endswith("merge"):
                self._fault(key, "merge keys (<<) are not taken. Write the keys out")
                continue
            if name in first:
                self._fault(key, f"the key {name!r} stands here twice, first on line {first[name]}. Remove one of them")
                continue
            first[name] = _line(key)
            self._document.lines[(*place, name)] = _line(value) if isinstance(value, ScalarNode) else _line(key)
            found[name] = self._value(value, (*place, name), around)
        return found

    def _scalar(self, node: ScalarNode, place: Place) -> Any:
        self._document.written[place] = str(node.value)
        kind = node.tag.removeprefix(_STANDARD)
        if kind in ("int", "float", "bool", "null"):
            try:
                return self._construct.construct_object(node)
            except (ValueError, yaml.YAMLError):
                return str(node.value)
        if kind not in ("str", "timestamp", "value"):  # a date is the text that was written
            return self._fault(node, f"the tag {_tag(node)} is unknown. Remove it")
        return self._filled(node, place)

    def _filled(self, node: ScalarNode, place: Place) -> str:
        """The text with what the environment has for its variables."""

        def fill(match: re.Match[str]) -> str:
            room, _, name = match[1].partition(".")
            if room != "env" or not name:
                self._fault(
                    node, f"the variable {match[0]} is unknown. Known is {{{{ env.NAME }}}}, for the environment"
                )
                return match[0]
            self._document.hidden.add(place)
            return self._from_environment(node, name) or ""

        return _VARIABLE.sub(fill, str(node.value))

    def _variable(self, node: Node, place: Place) -> str | None:
        if not isinstance(node, ScalarNode) or not re.fullmatch(r"[A-Za-z_]\w*", str(node.value)):
            self._fault(node, "expected the name of a variable of the environment, such as {env: REPORT_TITLE}")
            return None
        self._document.lines[place] = _line(node)
        self._document.hidden.add(place)
        return self._from_environment(node, str(node.value))

    def _from_environment(self, node: Node, name: str) -> str | None:
        if (value := self._environment.get(name)) is None:
            self._fault(node, f"the variable {name} is not set. Set it in the environment or in .env")
        return value


def _tag(node: Node) -> str:
    tag = str(node.tag)
    return f"!!{tag.removeprefix(_STANDARD)}" if tag.startswith(_STANDARD) else tag
