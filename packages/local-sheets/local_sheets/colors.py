"""Colours as Google keeps them.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#Color
"""

import struct
from collections.abc import Mapping
from typing import Any


def stored_color(color: Mapping[str, Any]) -> dict[str, Any]:
    """A ``Color`` as Google keeps it: 8 bits for each part, shown as a float of 32 bits; parts that are 0 are left out.

    Recorded: 0.5 comes back as 0.49803922, which is 127/255.
    """
    found: dict[str, Any] = {}
    for name, part in color.items():
        if part is None:
            continue
        bounded = min(max(float(part), 0.0), 1.0)
        bits = int(_float32(_float32(bounded) * 255)) if name != "alpha" else None
        kept = bounded if bits is None else shown_float32(bits / 255)
        if kept:
            found[name] = int(kept) if kept == int(kept) else kept
    return found


def _float32(number: float) -> float:
    unpacked: float = struct.unpack("f", struct.pack("f", number))[0]
    return unpacked


def shown_float32(number: float) -> float:
    """The shortest decimal number that has the same 32-bit float."""
    wanted = _float32(number)
    return next((short for digits in range(6, 9) if _float32(short := float(f"{wanted:.{digits}g}")) == wanted), wanted)
