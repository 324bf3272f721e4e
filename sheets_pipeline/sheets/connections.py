"""Connections to the Sheets API, shared by all clients of a process and opened before they are needed.

A handshake takes as long as a third of a request. No two processes use the same connection: a fork begins without any.
"""

import logging
import os
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

logger = logging.getLogger(__name__)

#: One unused for longer is closed: the server may be about to close it, and a request on it would be lost.
_LONGEST_IDLE_SECONDS = 3.0

_SECONDS_TO_CONNECT = 10.0


class Connections(HTTPAdapter):
    """Keeps connections for several threads."""

    _used_at = float("-inf")

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        """One request, on a connection that was used a moment ago or on a new one."""
        if time.monotonic() - self._used_at > _LONGEST_IDLE_SECONDS:
            self.close()
        try:
            return super().send(*arguments, **options)
        finally:
            self._used_at = time.monotonic()

    def open_ahead(self, session: requests.Session, url: str) -> None:
        """Open one now, without a request; where that fails, the first request says why, and through a proxy there is none."""
        options = session.merge_environment_settings(url, {}, None, None, None)
        if options["proxies"]:
            return
        request = session.prepare_request(requests.Request("GET", url))
        try:
            pool: Any = self.get_connection_with_tls_context(request, options["verify"], cert=options["cert"])
            self.cert_verify(pool, url, options["verify"], options["cert"])  # type: ignore[no-untyped-call] # requests'
            connection = pool._get_conn(timeout=_SECONDS_TO_CONNECT)
            try:
                connection.connect()
            finally:
                pool._put_conn(connection)
        except (HTTPError, requests.RequestException, OSError) as error:
            logger.info("No connection to the Sheets API was opened ahead (%s)", type(error).__name__)
        else:
            self._used_at = time.monotonic()


_connections: dict[str, Connections] = {}


def connections(endpoint: str) -> Connections:
    """Those of this process to an API."""
    return _connections.setdefault(endpoint, Connections())


os.register_at_fork(after_in_child=_connections.clear)
