"""A small platform in PostgreSQL and a spreadsheet in Local Sheets."""

from sheets_pipeline_tests.learning_platform import platform

__all__ = [
    "platform",
]
