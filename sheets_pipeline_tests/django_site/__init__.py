"""A Django site on the learning platform's tables, made of the very code that docs/use/events.md and docs/use/traffic.md show."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[2] / "docs"


def recipe(page: str, contains: str) -> str:
    """The one Python block of a page of the docs that contains this text."""
    blocks = re.findall(r"^```python\n(.*?)^```", (_DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    [result] = [block for block in blocks if contains in block]
    return str(result)
