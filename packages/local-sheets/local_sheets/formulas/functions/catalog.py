"""All functions; importing this module declares them."""

from local_sheets.formulas.functions import (
    complex_numbers,
    conditions,
    conversion,
    dates,
    distributions,
    finance,
    information,
    lambdas,
    likelihoods,
    logic,
    lookup,
    mathematics,
    numbers,
    queries,
    rankings,
    references,
    shapes,
    stacking,
    statistics,
    subtotals,
    text,
    workdays,
)
from local_sheets.formulas.registry import FUNCTIONS

__all__ = ["FUNCTIONS", "FUNCTION_MODULES"]

FUNCTION_MODULES = (
    complex_numbers,
    conditions,
    conversion,
    dates,
    distributions,
    finance,
    information,
    lambdas,
    likelihoods,
    logic,
    lookup,
    mathematics,
    numbers,
    queries,
    rankings,
    references,
    shapes,
    stacking,
    statistics,
    subtotals,
    text,
    workdays,
)
