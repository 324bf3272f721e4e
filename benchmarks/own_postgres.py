"""A PostgreSQL server for one benchmark alone."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sheets_pipeline.embedded.postgres import EmbeddedPostgres, Server


@contextmanager
def own_postgres(name: str, server_settings: dict[str, str] | None = None) -> Iterator[tuple[Path, Server]]:
    """A folder for the benchmark of that name, with a server in it; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    postgres = EmbeddedPostgres(folder / "postgres", server_settings=server_settings)
    try:
        yield folder, postgres.ensure()
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
