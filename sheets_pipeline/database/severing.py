"""Ending a database connection that another thread is using.

A driver's ``close`` frees what that thread may be reading at this moment, which ends the whole process with a
segmentation fault (libpq: a connection is for one thread at a time,
https://www.postgresql.org/docs/current/libpq-threading.html). So nothing of the driver is touched here: the socket beneath
it is shut down, and the thread that uses the connection sees the server gone and closes it by itself.
"""

import os
import socket
import sqlite3
from typing import Any

import sqlalchemy as sa


class Severable:
    """A connection that may be ended while another thread uses it; made before that thread begins."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        driver = connection.connection.driver_connection
        self._sqlite = driver if isinstance(driver, sqlite3.Connection) else None
        # A number of our own for the same socket: theirs may be another file's by the time it is shut down.
        number = None if self._sqlite else _file_number(driver)
        self._socket = None if number is None else socket.socket(fileno=os.dup(number))

    def sever(self) -> None:
        """End it: its place in the pool is free, and what waits for its server fails.

        Only while the thread has not begun to close it.
        """
        try:
            self._connection.detach()
        except sa.exc.InvalidRequestError:  # what uses it has closed or invalidated it
            return
        if self._sqlite is not None:
            self._sqlite.interrupt()  # made for other threads: https://sqlite.org/c3ref/interrupt.html
        elif self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:  # the server was quicker
                return

    def release(self) -> None:
        """Nobody will end it from outside any more."""
        if self._socket is not None:
            self._socket.close()


def _file_number(driver: Any) -> int | None:
    """The socket's, as psycopg, psycopg2 and mysqlclient tell it, and as PyMySQL keeps it."""
    if hasattr(driver, "fileno"):
        return int(driver.fileno())
    beneath = getattr(driver, "_sock", None)
    return None if beneath is None else int(beneath.fileno())
