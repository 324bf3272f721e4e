"""An empty platform on each kind of database."""

from sheets_pipeline_tests.database.attacker import database
from sheets_pipeline_tests.databases import made_store, mariadb, platform, postgresql, store

__all__ = [
    "database",
    "made_store",
    "mariadb",
    "platform",
    "postgresql",
    "store",
]
