"""The stage on each kind of database, ledger and platform in one database or in two."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect
from sheets_pipeline_tests.edits.stage import Stage, make_stage


@pytest.fixture
def stage(engine: sa.Engine) -> Stage:
    """Both in one database, of each dialect in turn."""
    return make_stage(engine, engine)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Stage]:
    """Both in one SQLite, for what no dialect decides."""
    made = connect(f"sqlite:///{tmp_path / 'one.db'}")
    yield make_stage(made, made)
    made.dispose()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Stage]:
    """The ledger in a database of its own."""
    platform, state = connect(f"sqlite:///{tmp_path / 'platform.db'}"), connect(f"sqlite:///{tmp_path / 'state.db'}")
    yield make_stage(platform, state)
    platform.dispose()
    state.dispose()
