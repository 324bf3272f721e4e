"""Data of a PostgreSQL cluster to copy: making a new one takes ten times as long."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from sheets_pipeline.embedded import cluster, postgres
from sheets_pipeline.embedded.account import Account
from sheets_pipeline.embedded.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def made_cluster(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Its folder, and its password."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("cluster"))
    server = embedded.ensure()
    data = embedded._home() / "data"
    embedded.stop()
    return data, server.password


@pytest.fixture
def ready_cluster(made_cluster: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What this test's process starts gets a copy, and its password; not for tests of how a cluster is made."""
    data, password = made_cluster

    def copy(_account: Account, target: Path, _password: str) -> None:
        shutil.copytree(data, target)

    monkeypatch.setattr(postgres, "secrets", SimpleNamespace(token_urlsafe=lambda _bytes: password))
    monkeypatch.setattr(cluster, "create_cluster", copy)
