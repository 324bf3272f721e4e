"""Names for Dagster made of what people call their tabs and functions, which may be anything that Google takes.

Dagster takes letters, digits and ``_`` where a tab's title may be ``Prüfungen / 2026 🎓``. A text that Dagster takes stays as
it is; any other keeps what can be read of it and gets a digest, so that no two texts share a name.
"""

import hashlib
import re
import unicodedata

#: Longest text that is kept as it is, and longest readable part of one that is not: tags hold 63 characters.
_LONGEST, _READABLE = 55, 40


def dagster_name(text: str, *, always_digest: bool = False) -> str:
    """A name for assets, sensors, pools and tags; the same one for the same text, always.

    Args:
        text: What people wrote.
        always_digest: Also where the text itself would do, because it is taken or has a meaning of its own.
    """
    if not always_digest and re.fullmatch(rf"[A-Za-z0-9_]{{1,{_LONGEST}}}", text):
        return text
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    readable = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:_READABLE]
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "_".join(part for part in (readable, digest) if part)
