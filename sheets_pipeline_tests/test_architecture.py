"""The picture of the rooms in the docs is true: as the linter holds them, and as the folders are; so are groups of tests."""

import os
import re
import tomllib
from pathlib import Path

import pytest

import sheets_pipeline

ROOT = Path(__file__).parents[1]


def test_the_picture_of_the_rooms_is_what_the_linter_holds() -> None:
    text = (ROOT / "docs" / "start" / "architecture.md").read_text()
    picture = text.partition("<!-- rooms -->")[2].partition("<!-- /rooms -->")[0]
    drawn = [
        set(re.split(r",\s*", re.split(r"\s{2,}", line)[0])) for line in picture.splitlines() if line[:1].isalpha()
    ]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert drawn == [set(re.split(r"\s*[|:]\s*", layer)) for layer in layers]


def test_every_room_says_in_one_line_what_it_is_for() -> None:
    package = Path(sheets_pipeline.__file__).parent
    rooms = [path.parent for path in package.glob("*/__init__.py")]
    assert len(rooms) > 10
    for room in rooms:
        assert re.match(r'"""[^\n]{20,}"""\n', (room / "__init__.py").read_text()), room.name


def test_files_that_the_way_in_names_exist() -> None:
    for page in ("CONTRIBUTING.md", "docs/start/architecture.md"):
        text = (ROOT / page).read_text()
        for name in re.findall(r"`([a-z_/]+\.py)`", text):
            places = [ROOT, ROOT / "sheets_pipeline", ROOT / "packages/local-sheets/local_sheets/batch_update"]
            assert any((place / name).exists() for place in places), f"{page}: {name}"


def test_pages_that_code_and_pages_name_exist() -> None:
    places = [ROOT / "sheets_pipeline", ROOT / "packages", ROOT / "benchmarks", ROOT / "docs"]
    files = [path for place in places for path in place.rglob("*") if path.suffix in (".py", ".md")]
    files += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
    missing = {
        f"{path.relative_to(ROOT)}: {page}"
        for path in files
        for page in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text())
        if not (ROOT / page).exists()
    }
    for path in files:
        if path.suffix == ".md":
            for page in re.findall(r"\]\(([\w./-]+\.md)(?:#[\w-]+)?\)", path.read_text()):
                if not (path.parent / page).exists():
                    missing.add(f"{path.relative_to(ROOT)}: {page}")
    assert not missing


@pytest.mark.xdist_group("groups")
def test_tests_of_a_group_run_on_one_worker(request: pytest.FixtureRequest) -> None:
    """By the suffix of its id that pytest-xdist goes by: else each worker starts the servers of all groups."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process runs all tests")
    assert request.node.nodeid.endswith("@groups")
