"""What proves that a message comes from a spreadsheet's script: each spreadsheet has a secret of its own, made from one.

Whoever edits a spreadsheet can read the properties of its script. So what stands there is good for this spreadsheet alone, and
tells nothing of the one that all are made from (EDITS_WEBHOOK_SECRET).
"""

import hashlib
import hmac


def secret_of(spreadsheet_id: str, master: str) -> str:
    """The secret of one spreadsheet's script: HMAC-SHA256 of its id, as hexadecimal digits."""
    return _digest(master, b"sheets-pipeline script of " + spreadsheet_id.encode("utf-8", "replace"))


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 over ``timestamp.body``, as hexadecimal digits."""
    return _digest(secret, timestamp.encode() + b"." + body)


def _digest(secret: str, data: bytes) -> str:
    return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
