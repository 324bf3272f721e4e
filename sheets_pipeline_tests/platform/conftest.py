"""An empty platform on each kind of database."""

from sheets_pipeline_tests.databases import mariadb, platform, postgresql

__all__ = [
    "mariadb",
    "platform",
    "postgresql",
]
