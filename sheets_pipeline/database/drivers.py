"""What drivers would refuse or round is handed on as it is: one such value must not spoil a whole query.

psycopg raises for moments that Python's ``datetime`` does not know (``infinity``, the year 10000, BC), makes 30 days of a
month, and its json loses digits of numbers. Here moments and lengths of time that Python does not know come as text, numbers
in json as ``Decimal`` where a float would lose digits. Decimals
notice when a reader makes floats of them.
"""

import json
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.datetime import IntervalLoader
from psycopg.types.json import set_json_loads

from sheets_pipeline.database.digits import StoredDecimal

_MOMENTS = ("date", "timestamp", "timestamptz")


def keep_all_values(engine: sa.Engine) -> None:
    """Prepare each connection that this engine will make."""
    if engine.dialect.driver == "psycopg":
        sa.event.listen(engine, "connect", _prepare)
    elif engine.dialect.driver == "pymysql":
        sa.event.listen(engine, "connect", _prepare_pymysql)


def _prepare(connection: Any, _record: Any) -> None:
    driver: psycopg.Connection[Any] = getattr(connection, "driver_connection", connection)
    for name in _MOMENTS:
        usual = psycopg.adapters.get_loader(psycopg.adapters.types[name].oid, Format.TEXT)
        if usual is not None:
            driver.adapters.register_loader(name, _lenient(usual))
    driver.adapters.register_loader("numeric", _DecimalLoader)
    driver.adapters.register_loader("interval", _IntervalLoader)
    set_json_loads(partial(json.loads, parse_float=exact_number), driver)


def _prepare_pymysql(connection: Any, _record: Any) -> None:
    from pymysql.constants import FIELD_TYPE

    kinds = dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), StoredDecimal)
    connection.decoders = {**connection.decoders, **kinds}


class _DecimalLoader(Loader):
    def load(self, data: Buffer) -> Decimal:
        return StoredDecimal(bytes(data).decode())


class _IntervalLoader(IntervalLoader):
    def load(self, data: Buffer) -> Any:
        text = bytes(data).decode()
        try:
            return text if "mon" in text or "year" in text else super().load(data)
        except (psycopg.DataError, NotImplementedError):  # beyond Python's, or in another style
            return text


def _lenient(usual: Any) -> type[Loader]:
    class LenientLoader(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._load = usual(oid, context).load

        def load(self, data: Buffer) -> Any:
            try:
                return self._load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return LenientLoader


def exact_number(text: str) -> float | Decimal:
    """A float where it holds all digits of the text, else a ``Decimal``."""
    number = float(text)
    exact = Decimal(text)
    return number if number - number == 0 and Decimal(repr(number)) == exact else exact
