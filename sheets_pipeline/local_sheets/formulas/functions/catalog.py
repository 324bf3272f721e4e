"""All functions; importing this module declares them."""

from sheets_pipeline.local_sheets.formulas.functions import (
    conditions,
    dates,
    information,
    logic,
    lookup,
    numbers,
    shapes,
    statistics,
    text,
)
from sheets_pipeline.local_sheets.formulas.registry import FUNCTIONS

__all__ = ["FUNCTIONS", "FUNCTION_MODULES"]

FUNCTION_MODULES = (conditions, dates, information, logic, lookup, numbers, shapes, statistics, text)
