"""An empty platform on each kind of database."""

from sheets_pipeline_tests.database.attacker import database
from sheets_pipeline_tests.databases import engine, made_store, mariadb, mariadb_url, platform, postgresql, store

__all__ = [
    "database",
    "engine",
    "made_store",
    "mariadb",
    "mariadb_url",
    "platform",
    "postgresql",
    "store",
]
