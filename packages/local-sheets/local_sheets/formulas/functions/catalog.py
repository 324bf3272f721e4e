"""All functions; importing this module declares them."""

from local_sheets.formulas.functions import (
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
from local_sheets.formulas.registry import FUNCTIONS

__all__ = ["FUNCTIONS", "FUNCTION_MODULES"]

FUNCTION_MODULES = (conditions, dates, information, logic, lookup, numbers, shapes, statistics, text)
