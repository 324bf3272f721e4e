"""Keeps connections to the embedded PostgreSQL working when its server died or came back on another port.

Every new connection of SQLAlchemy in this process that goes to the embedded server looks (in under a millisecond)
whether that is up, starts it where it crashed, and uses its present port and password. A server that somebody stopped
on purpose stays stopped.
"""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.local.postgres import EmbeddedPostgres

_watched: dict[str, EmbeddedPostgres] = {}


def revive_on_connect(embedded: EmbeddedPostgres, password: str) -> None:
    """Watch connections that use this password, which is random and so known to the embedded server alone."""
    if not _watched:
        sa.event.listen(sa.Engine, "do_connect", _before_connect)
    _watched[password] = embedded


def _before_connect(_dialect: Any, _record: Any, _arguments: list[Any], parameters: dict[str, Any]) -> None:
    embedded = _watched.get(str(parameters.get("password")))
    if embedded is not None and parameters.get("host") == "127.0.0.1" and (server := embedded.revive()):
        parameters["port"], parameters["password"] = server.port, server.password
