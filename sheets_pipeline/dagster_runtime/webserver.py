"""Dagster's webserver, guarded: ``python -m sheets_pipeline.dagster_runtime.webserver`` takes what ``dagster-webserver`` takes.

Where ``dagster.yaml`` names our storage, every other way of starting the webserver (``dagster dev``, ``dagster-webserver``)
is guarded, too: Dagster tells its storage that it is about to serve, and the storage calls ``guard_this_process``.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster._core.workspace.context import IWorkspaceProcessContext

_CLI = "dagster_webserver.cli"
_SERVE = "host_dagster_ui_with_workspace_process_context"


def guard_this_process() -> None:
    """Put the guard in front of the webserver that this process is about to serve; nothing in any other process.

    Raises:
        RuntimeError: This version of Dagster starts its webserver in another way. It is not served unguarded.
    """
    cli = sys.modules.get(_CLI)
    if cli is None:
        return
    if not hasattr(cli, _SERVE):
        raise RuntimeError(
            f"Expected dagster-webserver to have {_CLI}.{_SERVE}, found none: its version and ours do not fit together. Install "
            "the versions of constraints.txt."
        )
    setattr(cli, _SERVE, serve_guarded)


def serve_guarded(
    workspace_process_context: "IWorkspaceProcessContext[Any]",
    host: str | None,
    port: int | None,
    path_prefix: str,
    log_level: str,
    live_data_poll_rate: int | None = None,
) -> None:
    """Stands in for Dagster's function of this signature, which serves its UI."""
    import logging

    from dagster._utils import find_free_port, is_port_in_use
    from dagster_webserver import cli
    from dagster_webserver.app import create_app_from_workspace_process_context

    from sheets_pipeline.dagster_runtime.webserver_guard import WebserverGuard
    from sheets_pipeline.settings import load_settings
    from sheets_pipeline.web.addresses import is_address
    from sheets_pipeline.web.connections import serve_http

    host = host or cli.DEFAULT_WEBSERVER_HOST
    if not port:
        is_in_use = is_port_in_use(host, cli.DEFAULT_WEBSERVER_PORT)
        port = find_free_port() if is_in_use else cli.DEFAULT_WEBSERVER_PORT
    app = create_app_from_workspace_process_context(
        workspace_process_context, path_prefix, live_data_poll_rate, lifespan=cli._lifespan
    )
    logging.getLogger(cli.WEBSERVER_LOGGER_NAME).info(
        "Serving dagster-webserver, guarded, on http://%s:%d%s", host, port, path_prefix
    )
    names = [*load_settings().allowed_hosts, *([] if is_address(host) else [host])]
    serve_http(WebserverGuard(app, names), host, port, log_level=log_level)


def main() -> None:
    """Run ``dagster-webserver`` with the guard, whatever ``dagster.yaml`` says."""
    from dagster_webserver import cli

    guard_this_process()
    cli.main()  # type: ignore[no-untyped-call] # Dagster's


if __name__ == "__main__":
    main()
