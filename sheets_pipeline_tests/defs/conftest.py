"""A small platform in PostgreSQL and a spreadsheet in Local Sheets."""

from sheets_pipeline_tests.learning_platform import platform, platform_server

__all__ = [
    "platform",
    "platform_server",
]
