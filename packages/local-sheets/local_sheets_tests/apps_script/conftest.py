"""A spreadsheet with a script, and a program that scripts send to."""

from collections.abc import Callable, Iterator

import pytest

from local_sheets.testing import LocalSheetsServer
from local_sheets.testing_scripts import ScriptOfSpreadsheet
from local_sheets_tests.apps_script.hook import Hook, running_hook


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    with running_hook() as found:
        yield found


@pytest.fixture
def script(shared_server: LocalSheetsServer) -> ScriptOfSpreadsheet:
    """The script of a new spreadsheet with the tab ``Sheet1``."""
    return shared_server.script(shared_server.create_spreadsheet("Test"))


@pytest.fixture
def evaluate(script: ScriptOfSpreadsheet) -> Callable[[str], object]:
    """The value of an expression in a script."""

    def value_of(expression: str) -> object:
        script.set(f"function it() {{ return ({expression}); }}")
        answer = script.run("it")
        assert answer["execution"]["error"] is None, answer["execution"]["error"]
        return answer["result"]

    return value_of
