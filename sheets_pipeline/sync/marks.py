"""Who keeps a spreadsheet, and which write was the last one in each of its tabs: marks in its developer metadata.

The **owner** is one mark of the spreadsheet: which installation of the pipeline keeps it, in words for people, too. Another
one is refused. Its metadata id is fixed, and Google gives each id once, so of two that start at the same moment one fails.

The **version** is a mark on row 1 of each tab, renewed in the same request as every write. It says which write of whose
was the last one, and which rows were ours then. What stands there is what we know to have written, or:

    an earlier one of ours    people put the spreadsheet back to an earlier version
    a later one               our tables were put back: rows that we wrote since are not known to be ours
    another installation's    it kept the tab before we took it over

The metadata id of a version follows from its number, so of two writes on top of the same version the second one fails.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

OWNER_KEY = "sheets_pipeline.owner"
VERSION_KEY = "sheets_pipeline.version"

#: Developer metadata has ids that are unique in a spreadsheet and may be chosen.
#: Source: https://developers.google.com/workspace/sheets/api/guides/metadata
_OWNER_ID = 1_402_163_717

#: Versions of a tab that are kept. A write on top of an older one than that is noticed when the tab is next read.
_KEPT = 8

#: Two copies of one database, which nothing tells apart, overwrite each other's versions in turn. Within this time of the
#: first one that we did not know, the second one is no accident.
TWIN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Owner:
    """An installation of the pipeline; ``name`` says to people where its tables are, ``since`` is in UTC."""

    installation: str
    name: str
    since: str

    def __str__(self) -> str:
        return f"{self.name}, since {self.since}" if self.since else self.name

    def text(self, spreadsheet_id: str) -> str:
        """The value of the mark."""
        return json.dumps({**asdict(self), "spreadsheet": spreadsheet_id}, ensure_ascii=False)


def owner_of(texts: Iterable[str], spreadsheet_id: str) -> Owner | None:
    """The owner that the marks tell; None where there is none, or where they came along with a copy of the file."""
    owners = []
    for text in texts:
        try:
            fields = json.loads(text)
            owner = Owner(*(str(fields[name]) for name in ("installation", "name", "since")))
            of = fields.get("spreadsheet", spreadsheet_id)
        except (ValueError, KeyError, TypeError, AttributeError):
            owner, of = Owner("unknown", "an installation whose mark this version cannot read", ""), spreadsheet_id
        if of == spreadsheet_id:
            owners.append(owner)
    return min(owners, key=lambda owner: (owner.since, owner.installation), default=None)


@dataclass(frozen=True, slots=True)
class Version:
    """One write to one tab; ``rows`` is the digest of the keys that were ours afterwards, blank where not known."""

    number: int
    installation: str
    nonce: str
    rows: str = ""

    @property
    def text(self) -> str:
        """The value of the mark."""
        return f"{self.number}.{self.installation}.{self.nonce}.{self.rows}"


def read_version(text: str) -> Version | None:
    """The version that a mark tells; None for what is none."""
    parts = text.split(".")
    if len(parts) != 4 or not parts[0].isdecimal():
        return None
    return Version(int(parts[0]), *parts[1:])


def following(last: int, installation: str, rows: str) -> Version:
    """The version of the write that follows the one with the number ``last``."""
    return Version(last + 1, installation, secrets.token_urlsafe(6).replace(".", "-"), rows)


def digest(keys: Iterable[str], *, start: str = "", without: Iterable[str] = ()) -> str:
    """A number for a set of keys, whatever their order; keys can be added to it and taken off again."""
    total = int(start, 16) if start else 0
    total += sum(map(_number, keys)) - sum(map(_number, without))
    return f"{total % 2**64:016x}"


def _number(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest())


class Standing(Enum):
    """What the last version in a tab is to us."""

    OURS = "as we last wrote it"
    NEW = "nobody has written a version"
    PUT_BACK = "earlier than we know: the spreadsheet was put back"
    FORGOTTEN = "later than we know: our tables were put back, or another installation kept the tab"


def judge(known: Collection[Version], seen: Collection[Version]) -> tuple[Standing, Version | None]:
    """What the versions in a tab are to us, and the last of them.

    Args:
        known: Those that we know to have written or sent; none where we never wrote one.
        seen: All that are there.
    """
    last = max(seen, key=lambda version: version.number, default=None)
    if last is None:
        return (Standing.PUT_BACK if known else Standing.NEW), None
    if last in known:
        return Standing.OURS, last
    if not known or last.number >= max(version.number for version in known):
        return Standing.FORGOTTEN, last
    return Standing.PUT_BACK, last


def may_arrive(sent: Iterable[Version], last: Version | None) -> list[Version]:
    """Those that may still be on their way: the place of each after the last one in the tab is free."""
    return [version for version in sent if last is None or version.number > last.number]


def applied(sent: Iterable[Version], seen: Collection[Version]) -> list[Version]:
    """Those that are in the tab, or were and made room for later ones."""
    first = min((version.number for version in seen), default=0)
    return [version for version in sent if version in seen or version.number < first]


# Filters and requests --------------------------------------------------------------------------------------------------


def version_id(sheet_id: int, number: int) -> int:
    """The metadata id of a version: a few for each tab, taken in turn."""
    return 1 + (sheet_id * 0x9E3779B1 % (2**28 - 1)) * _KEPT + number % _KEPT


def lookups(sheet_id: int, expected: Collection[str]) -> list[dict[str, Any]]:
    """What to look for when a tab is read: the expected versions, and those that would stand on top of them."""
    versions = [version for text in expected if (version := read_version(text)) is not None]
    if not versions:
        place = {"metadataLocation": {"sheetId": sheet_id}, "locationMatchingStrategy": "INTERSECTING_LOCATION"}
        return [{"metadataKey": VERSION_KEY, **place}]
    of_versions = [{"metadataKey": VERSION_KEY, "metadataValue": version.text} for version in versions]
    numbers = {version.number + 1 for version in versions}
    return of_versions + [{"metadataId": version_id(sheet_id, number)} for number in sorted(numbers)]


def is_settled(
    sheet_id: int, expected: Collection[str], matched: Collection[dict[str, Any]]
) -> tuple[bool, Version | None]:
    """Whether the lookups that matched tell which version is the last one, and which of the expected ones it is.

    None was expected, and none is there: that is settled, too.
    """
    versions = [version for text in expected if (version := read_version(text)) is not None]
    if not versions:
        return not matched, None
    texts = {lookup.get("metadataValue") for lookup in matched}
    ids = {lookup.get("metadataId") for lookup in matched}
    known = [version for version in versions if version.text in texts]
    last = max(known, key=lambda version: version.number, default=None)
    return last is not None and version_id(sheet_id, last.number + 1) not in ids, last


def owner_requests(owner: Owner, spreadsheet_id: str, *, replaces: bool) -> list[dict[str, Any]]:
    """Make an installation the owner; ``replaces`` says that another one's mark is there."""
    away = [_delete({"metadataKey": OWNER_KEY})] if replaces else []
    return [*away, new_mark(OWNER_KEY, owner.text(spreadsheet_id), {"spreadsheet": True}, metadataId=_OWNER_ID)]


def version_requests(sheet_id: int, version: Version) -> list[dict[str, Any]]:
    """Put a version on top of the one before; its metadata id must be free, and the next one's is made free."""
    row = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    oldest = _delete({"metadataId": version_id(sheet_id, version.number + 1)})
    metadata_id = version_id(sheet_id, version.number)
    return [oldest, new_mark(VERSION_KEY, version.text, {"dimensionRange": row}, metadataId=metadata_id)]


def removal_requests(ids: Iterable[int]) -> list[dict[str, Any]]:
    """Take marks away."""
    return [_delete({"metadataId": metadata_id}) for metadata_id in ids]


def _delete(lookup: dict[str, Any]) -> dict[str, Any]:
    return {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": lookup}}}


def new_mark(key: str, value: str, location: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make a mark there; ``more`` may give its metadata id."""
    metadata = {"metadataKey": key, "metadataValue": value, "location": location, "visibility": "DOCUMENT", **more}
    return {"createDeveloperMetadata": {"developerMetadata": metadata}}
