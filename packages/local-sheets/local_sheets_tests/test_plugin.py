"""The pytest plugin: another project's tests find its fixtures, and import nothing."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import json
import os
import urllib.request

import pytest


@pytest.fixture(scope="module")
def seen():
    return []


def test_a_server_is_there(local_sheets, seen):
    spreadsheet_id = local_sheets.create_spreadsheet("Orders", "paid")
    seen.append(local_sheets.pid)
    with urllib.request.urlopen(f"{local_sheets.endpoint}/v4/spreadsheets/{spreadsheet_id}") as answer:
        assert json.load(answer)["sheets"][0]["properties"]["title"] == "paid"
    assert local_sheets.credentials_file.is_file()


def test_it_has_ended_and_others_have_options_of_their_own(new_local_sheets, seen):
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)
    first, second = new_local_sheets(quota="reads=1,writes=1"), new_local_sheets()
    assert first.endpoint != second.endpoint
    with pytest.raises(ValueError, match="expected"):
        second.faults(action="nonsense")
"""


def test_another_project_has_the_fixtures_by_installing_it(tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # Plugins of others that may be installed here take seconds to load.
    without = [f"-pno:{name}" for name in ("cacheprovider", "schemathesis", "hypothesispytest", "xdist", "anyio")]
    command = [sys.executable, "-m", "pytest", "-v", "--strict-markers", "-Werror", *without, str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
