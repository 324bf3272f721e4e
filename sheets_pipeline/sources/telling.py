"""Telling others of new versions: signed webhooks and addresses of Apprise's, at least once, from an outbox.

A message holds hashes, counts and a link, never what stands in cells. It is signed as messages of the Apps Script are
(``edits/signature.py``): HMAC-SHA256 over time and body, so that nobody can send it again later.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import requests
import sqlalchemy as sa

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.database import source_notices
from sheets_pipeline.database.source_notices import Notice
from sheets_pipeline.edits.signature import sign
from sheets_pipeline.logs import silent_addresses
from sheets_pipeline.sources.store import Version
from sheets_pipeline.sync.source import OnChange, Source

#: Longest wait for one answer, and for all of one round: what is left is sent in the next one.
_TIMEOUT_SECONDS, _LONGEST_SECONDS = 10.0, 60.0

TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Sheets-Pipeline-Timestamp", "X-Sheets-Pipeline-Signature"


def target_of(told: OnChange) -> str:
    """What stands for an address in the database, which must not hold it: it may contain a token."""
    return hashlib.sha256(f"{told.webhook or ''}\n{told.notify or ''}".encode()).hexdigest()[:32]


def note_change(
    connection: sa.Connection, environment: str, source: Source, version: Version, before: Version | None, link: str
) -> None:
    """Put a new version into the outbox for everybody whom its source tells, in the caller's transaction."""
    message = {
        "event": "source.changed",
        "source": source.id,
        "name": source.name,
        "tags": list(source.tags),
        "version": version.number,
        "content_hash": version.content_hash,
        "previous_hash": before.content_hash if before else None,
        "rows": version.rows,
        "previous_rows": before.rows if before else None,
        "columns": len(version.columns),
        "read_at": version.read_at.isoformat(),
        "link": link,
    }
    for told in source.on_change:
        message["id"] = str(uuid.uuid4())
        source_notices.add(connection, environment, source.id, target_of(told), message)


def tell_due(state: sa.Engine, sources: Iterable[DeclaredSource], environment: str = "") -> int:
    """Send what is due; how many were told. What fails is sent again later."""
    targets = {
        (one.id, target_of(told)): told for one in sources if one.source is not None for told in one.source.on_change
    }
    told, until = 0, time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < until and (taken := source_notices.take_due(state, environment)):
        [notice] = taken
        on_change = targets.get((notice.source, notice.target))
        if on_change is None:
            source_notices.refused(state, notice, "The declaration names this address no longer.", for_ever=True)
            continue
        problem = _send(on_change, notice)
        if problem is None:
            source_notices.delivered(state, notice)
            told += 1
        else:
            source_notices.refused(state, notice, problem)
    return told


def _send(told: OnChange, notice: Notice) -> str | None:
    """What went wrong, without the address; None where it was taken."""
    with silent_addresses():
        return _post(told, notice.message) if told.webhook else _notify(str(told.notify), notice.message)


def _post(told: OnChange, message: Mapping[str, Any]) -> str | None:
    body = json.dumps(message, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "sheets-pipeline"}
    headers[TIMESTAMP_HEADER] = timestamp = str(int(time.time()))
    if told.secret:
        headers[SIGNATURE_HEADER] = sign(told.secret, timestamp, body)
    try:
        answer = requests.post(
            str(told.webhook), data=body, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:  # whose text may quote the address
        return f"The webhook could not be reached ({type(error).__name__})."
    return None if answer.ok and not answer.is_redirect else f"The webhook answered {answer.status_code}."


def _notify(address: str, message: Mapping[str, Any]) -> str | None:
    import apprise  # slow to load, and rarely needed

    target = apprise.Apprise()
    if not target.add(address):
        return "notify: this is not an address that Apprise knows (https://github.com/caronc/apprise/wiki)."
    rows, before = message["rows"], message["previous_rows"]
    was = "" if before is None else f" (before: {before:,})"
    body = (
        f"Version {message['version']} has {rows:,} rows{was}. Hash {message['content_hash'][:12]}. {message['link']}"
    )
    try:
        sent = bool(target.notify(title=f"{message['name']} has changed", body=body))
    except Exception as error:  # a plugin's error may quote the address, so only its kind is told
        return f"The address could not be reached ({type(error).__name__})."
    return None if sent else "The address did not take the message."
