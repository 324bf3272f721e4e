"""How an event names a row whose key has several columns: as a JSON array, ``["EU", 7]``; one column is plain text."""

import json

from sheets_pipeline.sync.cells import KEY_SEPARATOR, key_of


def stored_key(key: object) -> str:
    """What stands in ``pending_event.key``, for a value or a tuple of values."""
    if not isinstance(key, tuple | list):
        return str(key)
    return json.dumps([part if isinstance(part, str | int | float) else str(part) for part in key], ensure_ascii=False)


def row_key(text: str) -> str:
    """The key of the tab's row that an event's key names; the form of earlier versions is understood, too."""
    if not text.lstrip().startswith("["):
        return text
    try:
        parts = json.loads(text)
    except ValueError:
        return text
    is_key = isinstance(parts, list) and len(parts) > 1 and all(isinstance(part, str | int | float) for part in parts)
    return KEY_SEPARATOR.join(map(key_of, parts)) if is_key else text


def key_parts(key: object, columns: int) -> object:
    """What a tab's function is given for a row's key: a tuple of texts where its key has several columns."""
    return tuple(str(key).split(KEY_SEPARATOR)) if columns > 1 else key
