"""Access tokens that this process, or one that it came from, already has.

A token is good for an hour, and asking for one takes as long as a request. So the process that runs are forked from keeps
those that they got: it is told by ``on_new``, asks for none itself, and a run starts with what it knows.
"""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.auth.exceptions import GoogleAuthError

#: A token that ends sooner than this is replaced beside the work, so that nobody waits for the next one.
RENEW_BEFORE = timedelta(minutes=15)

#: Key → token and when it ends (UTC, without zone, as google-auth has it).
_known: dict[str, tuple[str, datetime]] = {}

#: Called with each new token, as text for ``learn``; it is a secret.
on_new: Callable[[str], None] | None = None


def is_known(email: str, key_id: str) -> bool:
    """Whether there is a token of this key of a service account that is good for a while."""
    known = _known.get(f"{email} {key_id}")
    return known is not None and known[1] - _now() > timedelta(minutes=5)


def adopt(credentials: Any) -> None:
    """Give the credentials the token that is known for their key."""
    if known := _known.get(_key(credentials)):
        credentials.token, credentials.expiry = known


def publish(credentials: Any) -> None:
    """Keep the credentials' token, where it is another than the known one."""
    key, token = _key(credentials), credentials.token
    if not key or not token or credentials.expiry is None or _known.get(key, ("",))[0] == token:
        return
    _known[key] = (token, credentials.expiry)
    if on_new is not None:
        on_new(json.dumps([key, token, credentials.expiry.isoformat()]))


def learn(text: str) -> None:
    """Keep a token that another process got."""
    key, token, expiry = json.loads(text)
    _known[key] = (token, datetime.fromisoformat(expiry))


def renew_early(credentials: Any, refresh: Callable[[Any], None]) -> None:
    """Replace a token that ends soon, in a thread; once per process, and nobody waits for it."""
    key = _key(credentials)
    if not key or credentials.expiry is None or credentials.expiry - _now() > RENEW_BEFORE or key in _renewing:
        return
    _renewing.add(key)

    def renew() -> None:
        another = credentials.with_scopes(credentials.scopes)
        try:
            refresh(another)
        except GoogleAuthError:
            return  # whoever needs the next token is told why there is none
        publish(another)
        adopt(credentials)

    threading.Thread(target=renew, name="token", daemon=True).start()


_renewing: set[str] = set()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _key(credentials: Any) -> str:
    """What tells keys of service accounts apart, wherever their tokens come from; blank for other credentials."""
    key_id = getattr(getattr(credentials, "signer", None), "key_id", None)
    return f"{credentials.service_account_email} {key_id}" if key_id else ""
