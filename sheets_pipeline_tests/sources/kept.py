"""A platform whose sources are kept in either store."""

from collections.abc import Iterator

import pytest
from osmem_server import OsmemServer

from sheets_pipeline_tests.learning_platform import Platform


@pytest.fixture(params=["postgresql", "elasticsearch"])
def kept_in(request: pytest.FixtureRequest, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Which store the settings name, before anything was opened with them."""
    if request.param == "postgresql":
        yield "postgresql"
        return
    with OsmemServer.start(japanese=False) as server:
        monkeypatch.setenv("SOURCES_STORE", "elasticsearch")
        monkeypatch.setenv("ELASTICSEARCH_URL", server.url)
        yield "elasticsearch"
