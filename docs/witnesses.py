"""``python -m docs.witnesses``: writes the page that says what Local Sheets was checked against, behaviour by behaviour.

Methods and kinds of requests come from the discovery documents, whether they are served from the code, and how recorded answers
compare from ``docs/measured/recordings`` (``local-sheets replay DIR --counts FILE``, a file for each repository that published some).
A group of behaviours is a module of tests; it names its witnesses in ``CHECKED_AGAINST``, and one that names none has none.
"""

import ast
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_sheets.batch_update.registry import HANDLERS
from local_sheets.discovery import load_document
from local_sheets.drive.service import DriveService
from local_sheets.endpoints import ENDPOINTS
from local_sheets.engine import Engine

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "packages" / "local-sheets" / "local_sheets_tests"
RECORDINGS = ROOT / "docs" / "measured" / "recordings"
#: Tests that others wrote, with how many of them passed: entered by hand after each run.
SUITES = ROOT / "docs" / "measured" / "suites.json"
PAGE = ROOT / "docs" / "measured" / "witnesses.md"

#: What a group of behaviours can be checked against: the first word of each text in ``CHECKED_AGAINST``.
KINDS = {
    "recording": "answers that Google gave and somebody published",
    "discovery": "the discovery document: names of fields, types, values",
    "reference": "Google's reference or guide",
    "client": "a library of others that works with it as with Google",
    "suite": "tests that others wrote against Google",
}
NOBODY = "nobody"

_INTRODUCTION = """<!-- Made by `python -m docs.witnesses` from code, tests and recordings; change it there. -->
# What Local Sheets was checked against

Google itself cannot be run beside it. What was asked instead, for each part: *recordings*, answers that Google gave and somebody
published, played to Local Sheets and compared ([try your own](../use/local-sheets.md#checking-it-with-your-own-recordings)); the
*discovery documents*, by which every request is checked; Google's *reference*; *clients* and *suites* of others. Where it says
*nobody*, we did as we believe Google does. A witness of a group of behaviours was asked about some of it, not about each test.
"""


def page() -> str:
    """The whole page."""
    recorded = recorded_answers()
    parts = [_INTRODUCTION, _recordings(), _suites(), "## Methods of the Sheets API", ""]
    parts += _table(list(methods("sheets.v4.json")), set(ENDPOINTS), recorded)
    kinds = list(load_document("sheets.v4.json")["schemas"]["Request"]["properties"])
    parts += ["## Kinds of requests in batchUpdate", ""]
    parts += _table(kinds, set(HANDLERS), recorded, "sheets.spreadsheets.batchUpdate.")
    parts += ["## Methods of the Drive API", "", "What is not served answers 400 and says so.", ""]
    parts += _table(list(methods("drive.v3.json")), _drive_methods(), recorded)
    parts += ["## Groups of behaviours", "", "| Group | Tests | Checked against |", "|---|--:|---|"]
    parts += [
        f"| {title} | {count} | {', '.join(map(_shown, names)) or f'*{NOBODY}*'} |" for title, count, names in groups()
    ]
    return "\n".join(parts) + "\n"


def methods(document: str) -> Iterator[str]:
    """The ids of all methods of a discovery document."""
    waiting = [load_document(document)]
    found = []
    while waiting:
        resource = waiting.pop()
        waiting += resource.get("resources", {}).values()
        found += [method["id"] for method in resource.get("methods", {}).values()]
    return iter(sorted(found))


def _drive_methods() -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        return DriveService(Engine(Path(folder)), Path(folder)).methods


def recorded_answers() -> dict[str, Counter[str]]:
    """How many recorded answers of each method are the same here, and how many differ."""
    found: dict[str, Counter[str]] = {}
    for path in sorted(RECORDINGS.glob("*.json")):
        for name, counts in json.loads(path.read_text())["methods"].items():
            found[name] = found.get(name, Counter()) + Counter(counts)
    return found


def groups() -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Each module of tests: what it is about, how many tests it has, its witnesses."""
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        count = sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in tree.body)
        about = (ast.get_docstring(tree) or path.stem).splitlines()[0].rstrip(".")
        about = re.sub(r"^Tests of (?:packages/local-sheets/local_sheets/)?", "", about)
        yield (
            f"{path.relative_to(TESTS).with_suffix('').as_posix().replace('test_', '')}: {about}",
            count,
            witnesses(tree),
        )


def witnesses(tree: ast.Module) -> tuple[str, ...]:
    """The texts of ``CHECKED_AGAINST``.

    Raises:
        ValueError: One begins with no kind of witness that is known.
    """
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            getattr(target, "id", "") == "CHECKED_AGAINST" for target in node.targets
        ):
            found = tuple(str(text) for text in ast.literal_eval(node.value))
            for text in found:
                if text.partition(" ")[0] not in KINDS:
                    raise ValueError(
                        f"CHECKED_AGAINST has {text!r}: expected one of {', '.join(KINDS)} as its first word."
                    )
            return found
    return ()


def _suites() -> str:
    lines = ["| Published suites | Language | What | Passed | |", "|---|---|---|--:|---|"]
    for suite in json.loads(SUITES.read_text()):
        passed = f"{suite['passed']} of {suite['all']}"
        lines.append(
            f"| {_repository(suite['suite'])} | {suite['of']} | {suite['what']} | {passed} | {suite['note']} |"
        )
    return "\n".join([*lines, ""])


def _repository(name: str) -> str:
    """A repository at a commit (``owner/name@commit``), as a link."""
    repository, _, commit = name.partition("@")
    return f"[{repository}](https://github.com/{repository}/tree/{commit})"


def _recordings() -> str:
    lines = ["| Published recordings | Same | Different | Left out |", "|---|--:|--:|--:|"]
    for path in sorted(RECORDINGS.glob("*.json")):
        counts = json.loads(path.read_text())["answers"]
        link = _repository(path.stem.replace("+", "/"))
        lines.append(
            f"| {link} | {counts.get('same', 0)} | {counts.get('different', 0)} | {counts.get('left out', 0)} |"
        )
    return "\n".join([*lines, ""])


def _table(names: list[str], served: set[str], recorded: dict[str, Counter[str]], prefix: str = "") -> list[str]:
    count = sum(name in served for name in names)
    lines = [f"**{count} of {len(names)}** are served.", "", "| | Served | Recorded answers |", "|---|---|---|"]
    for name in names:
        counts: Any = recorded.get(prefix + name, Counter())
        told = f"{counts['same']} the same" + (f", {counts['different']} different" if counts["different"] else "")
        lines.append(f"| `{name}` | {'yes' if name in served else 'no'} | {told if counts else ''} |")
    return [*lines, ""]


def _shown(text: str) -> str:
    """A witness, with a link where it names an address."""
    kind, _, more = text.partition(" ")
    return f"[{kind}]({more})" if more.startswith("https://") else text


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
