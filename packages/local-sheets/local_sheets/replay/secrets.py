"""Strikes secrets out of texts and recordings: tokens, keys, cookies, signed assertions, and e-mail addresses if asked.

What is struck out of a recording keeps its place, so that the copy still replays.
"""

import base64
import binascii
import gzip
import re
from collections.abc import Mapping
from typing import Any

from local_sheets.replay.exchange import unpacked

STRUCK = "STRUCK"

#: Names of headers, fields and parameters whose value is secret, in small letters and without ``-`` and ``_``.
_SECRET_NAMES = {
    "authorization", "proxyauthorization", "cookie", "setcookie", "xgoogapikey", "xgoogiamauthorizationtoken", "apikey",
    "accesstoken", "refreshtoken", "idtoken", "oauthtoken", "token", "clientsecret", "privatekey", "privatekeyid", "assertion",
    "codeverifier", "password", "xgoogauthenticateduseremail", "xserverauth", "signedjwt", "subjecttoken",
}  # fmt: skip
#: The same of parameters in addresses and forms; in a body they are something else.
_SECRET_PARAMETERS = {*_SECRET_NAMES, "key", "code"}
_ADDRESS = "STRUCK@example.com"
_EMAIL = re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_PATTERNS = (
    re.compile(r"ya29\.[\w.\-]+"),
    re.compile(r"1//[\w\-]{20,}"),
    re.compile(r"AIza[\w\-]{30,}"),
    re.compile(r"GOCSPX-[\w\-]+"),
    re.compile(r"4/[01][\w\-]{30,}"),
    re.compile(r"eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?<=Bearer )[^\s\"',]+", re.IGNORECASE),
)
_IN_JSON = re.compile(r'("(?P<name>[\w-]+)\\*"\s*:\s*\\*")(?P<value>(?:[^"\\]|\\(?!"))*)')
_IN_FORM = re.compile(r"((?:^|[?&\s])(?P<name>[\w.-]+)=)(?P<value>[^&\s\"'#]+)")
#: Fields in base64, by what they are a part of.
_IN_HTTPREPLAY = {"Request": ("BodyParts",), "Response": ("Body",)}


class Striker:
    """Strikes secrets out; ``emails`` says whether addresses are secrets, too."""

    def __init__(self, *, emails: bool = False) -> None:
        self._emails = emails

    def text(self, text: str) -> str:
        """A text without secrets."""
        for pattern in _PATTERNS:
            text = pattern.sub(STRUCK, text)
        text = _IN_JSON.sub(lambda match: _struck_field(match, _SECRET_NAMES), text)
        text = _IN_FORM.sub(lambda match: _struck_field(match, _SECRET_PARAMETERS), text)
        return _EMAIL.sub(_ADDRESS, text) if self._emails else text

    def tree(self, found: Any, name: str = "") -> Any:
        """A document without secrets, in the same form."""
        if isinstance(found, Mapping):
            return self._mapping(found, name)
        if is_secret(name) and not isinstance(found, list):
            return STRUCK if isinstance(found, str | bytes) else found
        if isinstance(found, list):
            before = ["", *found]  # headers may come as name, value, name, value
            return [self._listed(name, given, one) for given, one in zip(before, found, strict=False)]
        if isinstance(found, bytes):
            return self._content(found)
        return self.text(found) if isinstance(found, str) else found

    def _listed(self, name: str, before: Any, one: Any) -> Any:
        is_named = is_secret(name) or (isinstance(before, str) and is_secret(before))
        return STRUCK if is_named and isinstance(one, str) else self._item(one)

    def _item(self, one: Any) -> Any:
        return self._hex(one) or self.tree(one) if isinstance(one, str) else self.tree(one)

    def _mapping(self, found: Mapping[str, Any], name: str) -> dict[str, Any]:
        named = found.get("name")
        kept = {key: self.tree(value, str(key)) for key, value in found.items()}
        if (
            isinstance(named, str) and is_secret(named, _SECRET_PARAMETERS) and "value" in found
        ):  # a header or parameter of a HAR
            kept["value"] = STRUCK
        if is_secret(name) and "equalTo" in found:  # a header or parameter of WireMock
            kept["equalTo"] = STRUCK
        for key in ("base64_string", "base64Body", *_IN_HTTPREPLAY.get(name, ())):
            if isinstance(found.get(key), str | bytes):
                kept[key] = self._base64(found[key])
            elif isinstance(found.get(key), list):
                kept[key] = [self._base64(part) for part in found[key]]
        if found.get("encoding") == "base64" and isinstance(found.get("text"), str):
            kept["text"] = self._base64(found["text"])
        return kept

    def _base64(self, text: str | bytes) -> str:
        plain = text if isinstance(text, str) else text.decode("latin-1")
        try:
            return base64.b64encode(self._content(base64.b64decode("".join(plain.split()), validate=True))).decode()
        except (binascii.Error, ValueError):  # EasyVCR has texts under the same name
            return self.text(plain)

    def _hex(self, text: str) -> str | None:
        """A packed body in hexadecimal digits, as nock keeps it; None when the text is none."""
        if not text.startswith("1f8b"):
            return None
        try:
            return self._content(bytes.fromhex(text)).hex()
        except ValueError:
            return None

    def _content(self, content: bytes) -> bytes:
        """A body without secrets, packed again if it was; of one that is no text nothing is left."""
        plain = unpacked(content)
        try:
            struck = self.text(plain.decode()).encode()
        except UnicodeDecodeError:
            return STRUCK.encode()
        if struck == plain:
            return content
        return struck if plain is content else gzip.compress(struck, mtime=0)


def is_secret(name: str, names: set[str] = _SECRET_NAMES) -> bool:
    """Whether what stands under a name is secret."""
    return re.sub(r"[-_]", "", name).lower() in names


def _struck_field(match: re.Match[str], names: set[str]) -> str:
    return f"{match[1]}{STRUCK if is_secret(match['name'], names) else match['value']}"
