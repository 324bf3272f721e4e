"""Keeps connections to the embedded PostgreSQL working when its server died or came back on another port.

Every new connection of SQLAlchemy in this process that goes to the embedded server looks (in under a millisecond)
whether that is up, starts it where it crashed, and uses its present port and password. A server that somebody stopped
on purpose stays stopped.
"""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.embedded.postgres import EmbeddedPostgres

#: The embedded server by its password, and whether it is started where it crashed.
_watched: dict[str, tuple[EmbeddedPostgres, bool]] = {}


def restart_on_connect(embedded: EmbeddedPostgres, password: str, *, starts: bool = True) -> None:
    """Watch connections that use this password, which is random and so known to the embedded server alone.

    Without ``starts`` they follow it to another port, and start nothing.
    """
    if not _watched:
        sa.event.listen(sa.Engine, "do_connect", _before_connect)
    _watched[password] = embedded, starts


def _before_connect(_dialect: Any, _record: Any, _arguments: list[Any], parameters: dict[str, Any]) -> None:
    embedded, starts = _watched.get(str(parameters.get("password")), (None, False))
    if embedded is None or parameters.get("host") != "127.0.0.1":
        return
    if server := embedded.restart_if_crashed() if starts else embedded.running():
        parameters["port"], parameters["password"] = server.port, server.password
