"""Uploads that begin with the file's data and send its content afterwards, in one piece or in several.

In both ways that Google's clients know: ``uploadType=resumable`` (Java, Python, Go) and ``X-Goog-Upload-Protocol`` (Ruby). See
https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_sheets.drive.access import DriveAnswer, DriveCall
from local_sheets.drive.errors import DriveError, bad_request

#: Of all pieces together, as of any other body.
MOST_BYTES = 64 * 1024 * 1024
#: Uploads under way; beyond them the oldest is forgotten.
_MOST_UPLOADS = 20
_RANGE = re.compile(r"bytes (?:(\d{1,12})-\d{1,12}|\*)/(\d{1,12}|\*)")
_PROTOCOL, _COMMAND, _STATUS = "x-goog-upload-protocol", "x-goog-upload-command", "X-Goog-Upload-Status"
_NO_308 = "x-guploader-no-308"


@dataclass(slots=True)
class Upload:
    """An upload under way; ``call`` is the request that began it."""

    call: DriveCall
    metadata: dict[str, Any]
    kind: str
    content: bytes = b""


def begins(call: DriveCall) -> bool:
    """Whether a request begins an upload of this kind."""
    return call.query.get("uploadType") == "resumable" or call.headers.get(_PROTOCOL) == "resumable"


class Uploads:
    """The uploads under way."""

    def __init__(self) -> None:
        self._under_way: dict[str, Upload] = {}

    def begin(self, call: DriveCall) -> DriveAnswer:
        """Keep the file's data; the answer says where the content is to go."""
        headers, key = call.headers, secrets.token_urlsafe(24)
        kind = headers.get("x-upload-content-type") or headers.get("x-goog-upload-header-content-type") or ""
        while len(self._under_way) >= _MOST_UPLOADS:
            del self._under_way[next(iter(self._under_way))]
        self._under_way[key] = Upload(call, call.json(), kind)
        place = f"http://{headers.get('host', '')}{call.raw_path}?uploadType=resumable&upload_id={key}"
        if _PROTOCOL in headers:
            return DriveAnswer(200, content=b"", headers=_told("active", 0, {"X-Goog-Upload-URL": place}))
        return DriveAnswer(200, content=b"", headers={"Content-Type": "text/plain", "Location": place})

    def take(self, call: DriveCall) -> Upload | DriveAnswer:
        """A piece of an upload: all of it once that is the last, else the answer that asks for more.

        Raises:
            DriveError: 404, no such upload is under way; 400, 413: the piece does not fit.
        """
        key = call.query["upload_id"]
        upload = self._under_way.get(key)
        if upload is None or upload.call.caller != call.caller:
            raise DriveError(
                404, "The upload is not under way: it is finished, too old or somebody else's.", "notFound"
            )
        command = call.headers.get(_COMMAND)
        start, total = _place(call, command, len(upload.content))
        if start is not None:
            if start > len(upload.content):
                raise bad_request(
                    f"The upload has {len(upload.content)} bytes so far: a piece at {start} leaves a gap."
                )
            upload.content = upload.content[:start] + call.body
            if len(upload.content) > MOST_BYTES:
                del self._under_way[key]
                raise DriveError(413, f"Uploads have {MOST_BYTES} bytes at most.", "uploadTooLarge")
        if total == len(upload.content):
            return self._under_way.pop(key)
        if command is not None:
            return DriveAnswer(200, content=b"", headers=_told("active", len(upload.content)))
        told = {"Range": f"bytes=0-{len(upload.content) - 1}"} if upload.content else {}
        if call.headers.get(_NO_308) == "yes":  # Go's client, which would take 308 for a redirect
            more = {"Content-Type": "text/plain", "X-Http-Status-Code-Override": "308"}
            return DriveAnswer(200, content=b"", headers={**told, **more})
        return DriveAnswer(308, headers=told)


def finished(call: DriveCall, answer: DriveAnswer) -> DriveAnswer:
    """The answer to the last piece, as its sender wants it said."""
    if _COMMAND not in call.headers:
        return answer
    return DriveAnswer(answer.status, answer.message, answer.content, {**answer.headers, _STATUS: "final"})


def _place(call: DriveCall, command: str | None, so_far: int) -> tuple[int | None, int | None]:
    """Where a piece begins, None for a question that brings none; and the length of the whole, as far as it is known."""
    if command is not None:
        offset = call.headers.get("x-goog-upload-offset", "0")
        start = int(offset) if "upload" in command and offset.isascii() and offset.isdecimal() else None
        end = so_far if start is None else start + len(call.body)
        return start, end if "finalize" in command else None
    told = call.headers.get("content-range")
    if told is None:
        return 0, len(call.body)
    match = _RANGE.fullmatch(told.strip())
    if match is None:
        raise bad_request(f"Failed to parse Content-Range header: {told}")
    total = None if match[2] == "*" else int(match[2])
    return (None if match[1] is None else int(match[1])), total


def _told(status: str, size: int, more: Mapping[str, str] | None = None) -> dict[str, str]:
    told = {_STATUS: status, "X-Goog-Upload-Size-Received": str(size)}
    return {"Content-Type": "text/plain", **told, **(more or {})}
