"""Compares an answer with the recorded one: what must be the same is, ids stand for each other, times and the like are free."""

from collections.abc import Iterator
from typing import Any

from local_sheets.replay.exchange import Exchange, read_json

#: Given out anew by whoever answers: the first time that two stand at the same place they are taken for each other.
_IDS = {
    "id", "ids", "spreadsheetId", "sheetId", "fileId", "metadataId", "namedRangeId", "protectedRangeId", "filterViewId",
    "filterId", "chartId", "objectId", "bandedRangeId", "tableId", "slicerId", "permissionId", "permissionIds", "parents",
    "emailAddress", "displayName", "resourceId", "users", "ownerNames", "lastModifyingUserName", "gid",
}  # fmt: skip
#: What no two answers have in common: times, versions, tokens, addresses that hold ids.
_FREE = {
    "createdTime", "modifiedTime", "modifiedByMeTime", "viewedByMeTime", "sharedWithMeTime", "time", "trashedTime",
    "createdDate", "modifiedDate", "modifiedByMeDate", "lastViewedByMeDate", "markedViewedByMeDate", "sharedWithMeDate",
    "etag", "version", "headRevisionId", "quotaBytesUsed", "fileSize", "size", "nextPageToken", "startPageToken",
    "newStartPageToken", "pageToken", "expiration", "spreadsheetUrl", "webViewLink", "webContentLink", "iconLink",
    "thumbnailLink", "alternateLink", "embedLink", "selfLink", "parentLink", "exportLinks", "thumbnailVersion",
    "resourceUri", "resourceKey", "usage", "usageInDrive", "usageInDriveTrash", "limit", "picture", "photoLink", "editors", "requestingUserCanEdit",
}  # fmt: skip
#: Google has added them to answers in the course of time.
_ADDED_LATER = {"spreadsheetTheme", "importFunctionsExternalUrlAccessAllowed"}
_MOST_SHOWN = 160


class Ids:
    """Recorded ids and those that stand for them here."""

    def __init__(self) -> None:
        self._here: dict[str | int, str | int] = {}

    def learn(self, recorded: str | int, here: str | int) -> None:
        self._here.setdefault(recorded, here)

    def knows(self, recorded: str | int) -> bool:
        return recorded in self._here

    def text(self, text: str) -> str:
        """A text in which ids of here stand for the recorded ones."""
        if text in self._here:
            return str(self._here[text])
        for recorded, here in self._here.items():
            if isinstance(recorded, str) and len(recorded) > 14 and recorded in text:
                text = text.replace(recorded, str(here))
        return text

    def number(self, text: str) -> str:
        """The same of an id that is a number and stands in an address."""
        return str(self._here.get(int(text), text)) if text.isascii() and text.isdecimal() else self.text(text)

    def tree(self, found: Any, name: str = "") -> Any:
        """A document in which ids of here stand for the recorded ones; numbers only where the name is that of an id."""
        if isinstance(found, dict):
            return {self.text(key): self.tree(value, key) for key, value in found.items()}
        if isinstance(found, list):
            return [self.tree(one, name) for one in found]
        if isinstance(found, str):
            return self.text(found)
        is_id = isinstance(found, int) and not isinstance(found, bool) and name.lower().endswith(("id", "ids"))
        return self._here.get(found, found) if is_id else found

    def stand_for_each_other(self, recorded: Any, here: Any) -> bool:
        """Whether two ids mean the same; two that nobody has seen before do from now on."""
        if not isinstance(recorded, str | int) or not isinstance(here, str | int):
            return bool(recorded == here)
        if recorded not in self._here:
            self._here[recorded] = here
        return self._here[recorded] == here or recorded == here


def differences(exchange: Exchange, status: int, answer: bytes, ids: Ids) -> list[str]:
    """In what the answer of here differs, a line each; none when it is the same."""
    if exchange.status != status:
        shown = (read_json(answer) or {}).get("error", {}).get("message", "") if status >= 400 else ""
        return [f"status: recorded {exchange.status}, here {status}{f' ({shown})' if shown else ''}"]
    recorded, here = exchange.answer_json(), read_json(answer)
    if recorded is not None or here is not None:
        return list(_of_values(recorded, here, "$", "", ids))
    if exchange.answer[:2] == b"PK" and answer[:2] == b"PK":
        return []
    if _is_page(exchange.answer) or exchange.answer.strip() == answer.strip():
        return []
    return [
        f"body: recorded {_shown(exchange.answer.decode(errors='replace'))}, here {_shown(answer.decode(errors='replace'))}"
    ]


def _is_page(content: bytes) -> bool:
    """A page for people, as Google answers paths that it does not know: its words do not matter."""
    return content.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def _of_values(recorded: Any, here: Any, place: str, name: str, ids: Ids) -> Iterator[str]:
    if name in _FREE:
        return
    if isinstance(recorded, dict) and isinstance(here, dict):
        yield from _of_mappings(recorded, here, place, ids)
    elif isinstance(recorded, list) and isinstance(here, list):
        if len(recorded) != len(here):
            yield f"{place}: recorded {len(recorded)} of them, here {len(here)}"
        for index, (one, other) in enumerate(zip(recorded, here, strict=False)):
            yield from _of_values(one, other, f"{place}[{index}]", name, ids)
    elif name in _IDS:
        if not ids.stand_for_each_other(recorded, here):
            yield f"{place}: recorded another {name} than before, here {_shown(here)}"
    elif not _is_same(ids.tree(recorded, name), here):
        yield f"{place}: recorded {_shown(recorded)}, here {_shown(here)}"


def _is_same(recorded: Any, here: Any) -> bool:
    """Equal; of numbers that were computed the last digits are free."""
    if isinstance(recorded, bool) or isinstance(here, bool):
        return recorded is here
    if isinstance(recorded, float) and isinstance(here, int | float):
        return abs(recorded - here) <= 1e-9 * max(1.0, abs(recorded))
    return bool(recorded == here)


def _of_mappings(recorded: dict[str, Any], here: dict[str, Any], place: str, ids: Ids) -> Iterator[str]:
    for key, value in recorded.items():
        local_key = ids.text(key)
        if local_key in here:
            yield from _of_values(value, here[local_key], f"{place}.{key}", key, ids)
        elif key not in _FREE:
            yield f"{place}.{key}: recorded {_shown(value)}, not here"
    known = {ids.text(key) for key in recorded}
    for key, value in here.items():
        if key not in known and key not in _FREE and key not in _ADDED_LATER:
            yield f"{place}.{key}: not recorded, here {_shown(value)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
