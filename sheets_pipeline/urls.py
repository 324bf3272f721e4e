"""Addresses that hold passwords: read without ever quoting them, and refused where a part of one could be taken for a host.

A password with special characters that are not percent-encoded moves the borders within a URL: its rest becomes host, port
or name, which messages show. So these are checked for what they can be.
"""

import re
from collections.abc import Collection
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import sqlalchemy as sa

_HOST = re.compile(r"[\w.-]*|\[?[0-9a-fA-F:.]+(?:%\w+)?\]?", re.ASCII)
_DRIVER = re.compile(r"[a-z][a-z0-9_]*(?:\+[a-z][a-z0-9_]*)?", re.ASCII)
#: In a URL before the host: a user, and perhaps a password.
_USER_INFO = re.compile(r"://[^/?#\s]*@")

EXPECTED = (
    "must be a SQLAlchemy URL such as postgresql://user:password@host:5432/name; percent-encode special characters in "
    "the password (@ is %40, / is %2F, : is %3A, # is %23)"
)


def parsed(url: str) -> sa.URL:
    """A database's URL.

    Raises:
        ValueError: It is none, or its password is not percent-encoded; the message quotes nothing of it.
    """
    try:
        url_parts = sa.make_url(url)
        port = url_parts.port
    except Exception:  # SQLAlchemy quotes the whole URL, Python the part that is no number
        raise ValueError(EXPECTED) from None
    is_file = url_parts.get_backend_name() == "sqlite"
    fits = _DRIVER.fullmatch(url_parts.drivername) and _HOST.fullmatch(url_parts.host or "")
    if not fits or not (port is None or 0 < port < 65_536) or ("@" in (url_parts.database or "") and not is_file):
        raise ValueError(EXPECTED)
    return url_parts


def holds_secret(text: str) -> bool:
    """Whether a value looks like a key, or like an address with a user: pasted into the wrong setting, say."""
    return bool(_USER_INFO.search(text)) or "PRIVATE KEY" in text or "private_key" in text


def forms_of(secret: str) -> set[str]:
    """A secret as messages may show it: as it is, percent-encoded, and decoded."""
    plain = {secret, unquote(secret), unquote_plus(secret)}
    return {form for one in plain for form in (one, quote(one), quote(one, safe=""), quote_plus(one))} - {""}


def secrets_in_url(url: sa.URL, plain: Collection[str] | None = None) -> set[str]:
    """What of a URL must not be shown: its password, and what options say that are called so, or all but ``plain`` values."""
    options = {
        text
        for name, value in url.query.items()
        for text in ([value] if isinstance(value, str) else value)
        if (re.search("pass|secret|token", name, re.IGNORECASE) if plain is None else text not in plain)
    }
    secrets = {str(url.password or "")} | options
    return {form for secret in secrets if secret for form in forms_of(secret)}
