"""One stage for all tests of the control API, on one worker; each test that takes ``stage`` begins afresh."""

from collections.abc import Iterator

import pytest

from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline_tests.browser import chromium, open_page, shared_page
from sheets_pipeline_tests.control.stage import Stage, open_stage

__all__ = ["chromium", "open_page", "shared_page"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them before xdist looks for its groups."""
    for item in items:
        if item.path.parent.name == "control":
            item.add_marker(pytest.mark.xdist_group("control"))


@pytest.fixture(scope="package")
def opened_stage(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Database, Local Sheets, Dagster and control API, started once."""
    with open_stage(postgres_server, tmp_path_factory.mktemp("control")) as stage:
        yield stage


@pytest.fixture
def stage(opened_stage: Stage) -> Stage:
    """Everything on, nothing paused, all tabs synced."""
    opened_stage.begin()
    return opened_stage
