"""A small platform in PostgreSQL and a spreadsheet in Local Sheets."""

from sheets_pipeline_tests.learning_platform import platform
from sheets_pipeline_tests.school import school

__all__ = ["platform", "school"]
