"""How many values each kind of condition takes.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#ConditionType
"""

from collections.abc import Mapping
from typing import Any

_NONE = ("BLANK", "NOT_BLANK", "TEXT_IS_EMAIL", "TEXT_IS_URL", "DATE_IS_VALID")
_TWO = ("NUMBER_BETWEEN", "NUMBER_NOT_BETWEEN", "DATE_BETWEEN", "DATE_NOT_BETWEEN")
#: Kinds with other bounds than exactly one value: the least and the most.
_BOUNDS: Mapping[str, tuple[int, int | None]] = {
    **dict.fromkeys(_NONE, (0, 0)),
    **dict.fromkeys(_TWO, (2, 2)),
    "BOOLEAN": (0, 2),
    "ONE_OF_LIST": (1, None),
    "CONDITION_TYPE_UNSPECIFIED": (0, None),
}
#: In a kept validation rule: the row and column for which its formula was written.
WRITTEN_AT = "~writtenAt"
_NAMES = {0: "no", 1: "exactly one", 2: "exactly two"}


def wrong_value_count(condition: Mapping[str, Any]) -> str | None:
    """What is wrong with the number of a ``BooleanCondition``'s values, None where it fits its type."""
    kind, count = condition.get("type"), len(condition.get("values", ()))
    if kind is None:
        return None
    least, most = _BOUNDS.get(kind, (1, 1))
    if least <= count and (most is None or count <= most):
        return None
    expected = _NAMES[least] if least == most else f"at least {least}" if most is None else f"at most {most}"
    return f"ConditionType '{kind}' requires {expected} ConditionValues, but {count} values found."


def has_formulas(condition: Mapping[str, Any]) -> bool:
    """Whether a condition is to be computed at each cell: by a formula of its own, or one for a bound."""
    values = [str(one.get("userEnteredValue", "")) for one in condition.get("values", ())]
    return condition.get("type") not in ("ONE_OF_RANGE", "ONE_OF_LIST") and any(one.startswith("=") for one in values)
