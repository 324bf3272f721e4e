"""An empty platform on each kind of database."""

from sheets_pipeline_tests.database.attacker import database
from sheets_pipeline_tests.databases import engine, mariadb, mariadb_url, platform, postgresql

__all__ = [
    "database",
    "engine",
    "mariadb",
    "mariadb_url",
    "platform",
    "postgresql",
]
