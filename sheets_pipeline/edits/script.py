"""The Apps Script, filled in with the tabs that people may edit."""

import json
from collections.abc import Iterable
from importlib import resources

from sheets_pipeline.sync.tab import Tab

_EMPTY = "const TABS = {};"

#: What to do with it.
STEPS = """\
1. Open the spreadsheet, then Extensions > Apps Script.
2. Under Project Settings, show "appsscript.json" in the editor.
3. Replace the text of Code.gs and of appsscript.json with the two below, and save.
4. Run setup(). It asks for the address of the webhook (https://YOUR.HOST/webhook) and for EDITS_WEBHOOK_SECRET.
5. Run test(): it answers 202 when all is well.
With clasp: sheets-pipeline edits script --into DIR, then `clasp push` in DIR."""


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
