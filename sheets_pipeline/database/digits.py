"""Digits that pandas drops: ``pandas.read_sql`` makes floats of decimals, and a float holds some 16 digits.

The decimals that our connections give notice when they are made a float that does not hold them. After a tab's function
is done, such floats in its frame are the decimals again. So no digit is lost, whatever reader an asset uses, as long as it
does not compute with the floats; ``read_frame`` never makes any.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # applications import the middleware, which must not bring pandas along
    import pandas as pd

#: More decimal places than people or schemas give: those of averages and quotients, where the last ones say nothing.
_COMPUTED_PLACES = 13

#: Float → decimals that it stands for; None while nobody asks.
Rounded = dict[float, set[Decimal]]
_rounded: ContextVar[Rounded | None] = ContextVar("sheets_pipeline_rounded", default=None)


class StoredDecimal(Decimal):
    """A decimal as the database holds it, which notices when a float that is made of it lacks digits."""

    __slots__ = ()

    def __float__(self) -> float:
        """The nearest float."""
        number = Decimal.__float__(self)
        noted = _rounded.get()
        if noted is not None and self.is_finite() and _lacks_digits(self, number):
            noted.setdefault(number, set()).add(self)
        return number


def _lacks_digits(exact: Decimal, number: float) -> bool:
    exponent = exact.as_tuple().exponent
    return isinstance(exponent, int) and -exponent < _COMPUTED_PLACES and Decimal(repr(number)) != exact


class DroppedDigits:
    """Stands in a frame for a float of which nobody knows which of several decimals it was."""


@contextmanager
def noticing_dropped_digits() -> Iterator[Rounded]:
    """Gives what is noticed in the block."""
    noted: Rounded = {}
    token = _rounded.set(noted)
    try:
        yield noted
    finally:
        _rounded.reset(token)


def restored(frame: "pd.DataFrame", rounded: Rounded) -> "pd.DataFrame":
    """The frame with decimals in place of floats that lack their digits; the same frame where there are none."""
    if not rounded:
        return frame
    columns = {}
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        if values.dtype.kind == "f" and (lacking := values.isin(list(rounded))).any():
            columns[name] = values.astype(object).where(~lacking, values.map(lambda value: _decimal(value, rounded)))
    return frame.assign(**columns) if columns else frame


def _decimal(number: float, rounded: Rounded) -> object:
    exact = rounded.get(number, set())
    return next(iter(exact)) if len(exact) == 1 else DroppedDigits() if exact else number
