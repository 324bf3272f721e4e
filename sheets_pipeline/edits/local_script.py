"""The Apps Script in Local Sheets: installed by itself where the spreadsheet is a local one, so that two-way works at once."""

import logging
import time
from collections.abc import Callable
from typing import Any

import requests

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.script import code, manifest
from sheets_pipeline.edits.signature import secret_of
from sheets_pipeline.errors import SheetsPipelineError

logger = logging.getLogger(__name__)

#: What a script that nobody has written yet holds.
_FRESH = {"myFunction"}

_TRIES, _PAUSE_SECONDS = 30, 2.0


def keep_local_script(open_ends: Callable[[], Ends], url: str, secret: str) -> None:
    """Put the script into the local spreadsheet, with this address and secret; tried until Local Sheets answers."""
    for _ in range(_TRIES):
        try:
            services = open_ends().services
            install(str(services.sheets_api_endpoint), services.spreadsheet_id, url, secret)
            return
        except (SheetsPipelineError, requests.RequestException) as error:
            logger.info("The script of the local spreadsheet waits (%s)", type(error).__name__)
            time.sleep(_PAUSE_SECONDS)
    logger.warning("The script could not be put into the local spreadsheet; full syncs find what people type there.")


def install(endpoint: str, spreadsheet_id: str, url: str, secret: str) -> None:
    """Set files, properties and triggers of the spreadsheet's script; one of people's own is left alone.

    ``secret`` is the one of all spreadsheets, EDITS_WEBHOOK_SECRET.

    Raises:
        requests.RequestException: Local Sheets does not answer, or refuses it.
    """
    base = f"{endpoint}/_local/apps-script/{spreadsheet_id}"
    session = requests.Session()
    session.trust_env = False  # a proxy knows no way to this machine

    def call(method: str, path: str, **body: Any) -> Any:
        answer = session.request(method, f"{base}{path}", json=body or None, timeout=20)
        answer.raise_for_status()
        return answer.json()

    state = call("GET", "")
    if set(state["functions"]) - _FRESH and "edited" not in state["functions"]:
        logger.info("The local spreadsheet has a script of its own; it is left alone.")
        return
    tabs = [asset.tab for asset in tab_assets().values() if asset.problem is None]
    files = [
        {"name": "Code", "type": "SERVER_JS", "source": code(tabs)},
        {"name": "appsscript", "type": "JSON", "source": manifest()},
    ]
    call("PUT", "/content", files=files)
    call("PUT", "/properties", URL=url, SECRET=secret_of(spreadsheet_id, secret))
    installed = {one.get("function") for one in state.get("triggers", [])}
    for function, event in (("edited", "ON_EDIT"), ("changed", "ON_CHANGE")):
        if function not in installed:
            call("POST", "/triggers", function=function, eventType=event)
