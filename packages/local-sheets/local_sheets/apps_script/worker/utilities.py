"""What ``Utilities`` computes, see https://developers.google.com/apps-script/reference/utilities/utilities"""

import base64
import binascii
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_sheets.apps_script.worker.service_error import ServiceError

Data = str | dict[str, list[int]]

_DIGESTS = {"MD5": "md5", "SHA_1": "sha1", "SHA_256": "sha256", "SHA_384": "sha384", "SHA_512": "sha512"}
#: Google refuses to sleep for longer.
_MOST_SLEEP_MS = 300_000


def to_bytes(data: Data, charset: str = "UTF_8") -> bytes:
    """Bytes of a text, in US-ASCII with ``?`` for what that lacks, or the bytes themselves."""
    if isinstance(data, str):
        text = data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text.encode("ascii", "replace") if charset == "US_ASCII" else text.encode()
    return bytes(data["bytes"])


def _hash_of(algorithm: str) -> str:
    found = _DIGESTS.get(algorithm.removeprefix("HMAC_"))
    if found is None:
        raise ServiceError(f"Algorithm {algorithm} is not there in Local Sheets.")
    return found


def _hmac(algorithm: str, value: Data, key: Data, charset: str) -> list[int]:
    return list(hmac.digest(to_bytes(key, charset), to_bytes(value, charset), _hash_of(algorithm)))


def _digest(algorithm: str, value: Data, charset: str) -> list[int]:
    return list(hashlib.new(_hash_of(algorithm), to_bytes(value, charset), usedforsecurity=False).digest())


def _base64_encode(data: Data, web_safe: bool, charset: str) -> str:
    raw = to_bytes(data, charset)
    return (base64.urlsafe_b64encode(raw) if web_safe else base64.b64encode(raw)).decode()


def _base64_decode(text: str, web_safe: bool) -> list[int]:
    try:
        padded = text + "=" * (-len(text) % 4)
        return list(base64.b64decode(padded, b"-_" if web_safe else None, validate=True))
    except (binascii.Error, ValueError):
        raise ServiceError("Could not decode string.") from None


def _sleep(milliseconds: float) -> None:
    if not 0 <= milliseconds <= _MOST_SLEEP_MS:
        raise ServiceError("Sleep argument out of bounds.")
    time.sleep(milliseconds / 1000)


def _decode(data: Data, charset: str) -> str:
    try:
        return to_bytes(data).decode(charset.replace("_", "-"), "replace")
    except LookupError:
        raise ServiceError(f"Invalid argument: charset {charset}") from None


def _encode(text: str, charset: str) -> list[int]:
    return list(to_bytes(text, charset.replace("-", "_")))


def _format_date(milliseconds: float, time_zone: str, pattern: str) -> str:
    return format_date(milliseconds, time_zone, pattern)


def zone_of(name: str) -> ZoneInfo:
    """The time zone; GMT for an unknown one, as Java has it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("GMT")


def format_date(milliseconds: float, time_zone: str, pattern: str) -> str:
    """A moment as Java's ``SimpleDateFormat`` writes it in English.

    Raises:
        ServiceError: The pattern holds a letter that we do not know.
    """
    moment = datetime.fromtimestamp(milliseconds / 1000, zone_of(time_zone))
    found, at = [], 0
    while at < len(pattern):
        sign = pattern[at]
        end = at + 1
        if sign == "'":
            text, end = _quoted(pattern, at)
            found.append(text)
        elif sign.isascii() and sign.isalpha():
            while end < len(pattern) and pattern[end] == sign:
                end += 1
            found.append(_field(moment, sign, end - at))
        else:
            found.append(sign)
        at = end
    return "".join(found)


def _quoted(pattern: str, at: int) -> tuple[str, int]:
    """Text between quotes, and where it ends; two quotes are one, within and without."""
    if pattern[at + 1 : at + 2] == "'":
        return "'", at + 2
    end = at + 1
    while (end := pattern.find("'", end)) >= 0 and pattern[end + 1 : end + 2] == "'":
        end += 2
    text = pattern[at + 1 :] if end < 0 else pattern[at + 1 : end]
    return text.replace("''", "'"), len(pattern) if end < 0 else end + 1


def _field(moment: datetime, letter: str, length: int) -> str:
    numbers = {
        "d": moment.day, "D": moment.timetuple().tm_yday, "H": moment.hour, "k": moment.hour or 24, "K": moment.hour % 12,
        "h": moment.hour % 12 or 12, "m": moment.minute, "s": moment.second, "S": moment.microsecond // 1000,
        "u": moment.isoweekday(), "w": int(moment.strftime("%U")) + 1,
    }  # fmt: skip
    if letter in numbers:
        return str(numbers[letter]).rjust(length, "0")
    if letter in "yY":
        return str(moment.year)[-2:] if length == 2 else str(moment.year).rjust(length, "0")
    if letter in "ML":
        return moment.strftime("%B" if length > 3 else "%b") if length > 2 else str(moment.month).rjust(length, "0")
    if letter == "E":
        return moment.strftime("%A" if length > 3 else "%a")
    if letter == "a":
        return "AM" if moment.hour < 12 else "PM"
    if letter == "G":
        return "AD"
    return _zone_field(moment, letter, length)


def _zone_field(moment: datetime, letter: str, length: int) -> str:
    offset = moment.strftime("%z")[:5]
    if letter == "Z":
        return offset
    if letter == "X":
        if offset in ("+0000", "-0000"):
            return "Z"
        return {1: offset[:3], 2: offset}.get(length, f"{offset[:3]}:{offset[3:]}")
    if letter == "z":
        return str(moment.tzname())
    raise ServiceError(f"Illegal pattern character '{letter}'")


UTILITIES: dict[str, Callable[..., Any]] = {
    "hmac": _hmac,
    "digest": _digest,
    "base64.encode": _base64_encode,
    "base64.decode": _base64_decode,
    "text.decode": _decode,
    "text.encode": _encode,
    "uuid": lambda: str(uuid.uuid4()),
    "sleep": _sleep,
    "format_date": _format_date,
}
