"""Runs the control API in uvicorn."""

import socket
import sys
import threading
from functools import cache, partial
from secrets import token_hex

from sheets_pipeline.control.app import create_app
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.control.webhook import webhook_alone
from sheets_pipeline.edits.local_script import keep_local_script
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.logs import configure
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import Settings
from sheets_pipeline.web.addresses import check_reachable_safely
from sheets_pipeline.web.connections import serve_http

_EVERY_ADDRESS = ("0.0.0.0", "localhost")  # noqa: S104 # this machine, too

#: A thread that wants to go on waits so long for one that computes (https://docs.python.org/3/library/sys.html#sys.setswitchinterval).
#: Python's own 5 ms would be waited after each answer of the database, and an edit needs dozens of these.
_THREAD_TURN_SECONDS = 0.0005


def run_server(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        SettingsError: The address cannot be had, or is open to others without a token.
    """
    configure(settings.log_format, settings.log_level)
    sys.setswitchinterval(_THREAD_TURN_SECONDS)
    check_reachable_safely(settings, host)
    _check_port(host, port, "the control API", "--port or CONTROL_API_PORT")
    token, given = settings.control_api_token, settings.edits_webhook_secret
    operations = Operations(settings, cache(Pipeline.open))
    is_local = settings.edits_on and settings.spreadsheet_id is None
    secret = given.get_secret_value() if given else token_hex() if is_local else None
    webhook_at = (host, port)
    own = None
    if settings.edits_webhook_port is not None:
        webhook_at, own = (settings.edits_webhook_host, settings.edits_webhook_port), webhook_alone()
        _check_port(*webhook_at, "the webhook", "EDITS_WEBHOOK_PORT")
    app = create_app(operations, token.get_secret_value() if token else None, secret, own)
    if own is not None:
        serve = partial(serve_http, own, *webhook_at, log_config=None, log_level="warning", access_log=False)
        threading.Thread(target=serve, name="webhook", daemon=True).start()
    if is_local and secret is not None:
        url = f"http://{'127.0.0.1' if webhook_at[0] in _EVERY_ADDRESS else webhook_at[0]}:{webhook_at[1]}/webhook"
        keep = partial(keep_local_script, lambda: operations.pipeline, url, secret)
        threading.Thread(target=keep, name="local script", daemon=True).start()
    serve_http(app, host, port, log_config=None, log_level="warning", access_log=False)  # as logs.configure says


def _check_port(host: str, port: int, what: str, setting: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"{what[0].upper()}{what[1:]} cannot listen on {host}:{port} ({error.strerror}). Choose another port with {setting}."
            ) from None
