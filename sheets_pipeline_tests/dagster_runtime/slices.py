"""What Linux says of a process's slices of processor time."""

import platform
from pathlib import Path

#: Linux takes wishes from this release on.
_SINCE = (6, 12)


def slice_seconds(pid: int | str = "self") -> float | None:
    """How long Linux runs a process or thread at a time; None where it does not say, or takes no wish."""
    told = Path(f"/proc/{pid}/sched")
    release = tuple(int(part) for part in platform.release().split(".")[:2] if part.isdigit())
    if platform.system() != "Linux" or release < _SINCE or not told.exists():
        return None
    line = next(line for line in told.read_text().splitlines() if line.startswith("se.slice"))
    return int(line.split(":")[1]) / 1e9
