"""The Apps Script, filled in with the tabs that people may edit."""

import json
from collections.abc import Iterable
from importlib import resources

from sheets_pipeline.edits.signature import secret_of
from sheets_pipeline.sync.tab import Tab

_EMPTY = "const TABS = {};"

_STEPS = """\
1. Open the spreadsheet, then Extensions > Apps Script.
2. Under Project Settings, show "appsscript.json" in the editor.
3. Replace the text of Code.gs and of appsscript.json with the two below, and save.
4. Run setup(). It asks for the address of the webhook (https://YOUR.HOST/webhook) and for the secret:
   {shown}
5. Run test(): it answers 202 when all is well.
With clasp: sheets-pipeline edits script --into DIR, then `clasp push` in DIR."""


def steps(spreadsheet_id: str | None, master: str | None) -> str:
    """What to do with it in this spreadsheet; ``master`` is EDITS_WEBHOOK_SECRET."""
    if master is None:
        return _STEPS.format(shown="(EDITS_WEBHOOK_SECRET is not set; set it first, and print this again)")
    if spreadsheet_id is None:
        return _STEPS.format(shown="(each spreadsheet has its own; name one with --spreadsheet)")
    return _STEPS.format(shown=f"{secret_of(spreadsheet_id, master)} (of the spreadsheet {spreadsheet_id} alone)")


def code(tabs: Iterable[Tab]) -> str:
    """The text of ``Code.gs`` for these tabs; those without editable columns are left out."""
    config = {
        tab.title: {
            "keys": {name: tab.column(name).header for name in tab.key},
            "columns": {name: tab.column(name).header for name in tab.edited},
            "rows": tab.edits is not None and tab.edits.new_rows,
        }
        for tab in tabs
        if tab.edited
    }
    filled = f"const TABS = {json.dumps(config, indent=2, ensure_ascii=False)};"
    return _file("Code.gs").replace(_EMPTY, filled)


def manifest() -> str:
    """The text of ``appsscript.json``: only the rights that the script needs."""
    return _file("appsscript.json")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("apps_script", name).read_text(encoding="utf-8")
