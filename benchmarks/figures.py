"""From single measurements to the figures of the report: medians, ratios to ours, seconds under Google's quota."""

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

#: Google's quota per user. Source: https://developers.google.com/workspace/sheets/api/limits
REQUESTS_PER_MINUTE = 60
OURS = "sheets_pipeline"


@dataclass(frozen=True)
class Figure:
    """One tool, size and scenario over all runs. ``runs`` are the single measurements."""

    peer: str
    rows: int
    scenario: str
    runs: tuple[dict[str, Any], ...]
    ratio: float | None

    @property
    def was_ended(self) -> bool:
        """Whether a run took longer than was allowed."""
        return any(run["seconds"] is None for run in self.runs)

    @property
    def seconds(self) -> float:
        """Wall seconds, median of the runs."""
        return median(run["seconds"] for run in self.runs)

    def middle(self, name: str) -> float:
        """Median of one count."""
        return median(run[name] for run in self.runs)

    @property
    def peak_memory_mb(self) -> float:
        """Largest of the runs."""
        return float(max(run["peak_memory_mb"] for run in self.runs))

    @property
    def quota_seconds(self) -> float:
        """Shortest time at 60 reads and 60 writes per minute: each sixty requests beyond the first cost a minute."""
        waits = [60.0 * ((max(int(self.middle(kind)), 1) - 1) // REQUESTS_PER_MINUTE) for kind in ("reads", "writes")]
        return max(self.seconds, *waits)

    @property
    def worst(self) -> dict[str, Any]:
        """The run with the most damage: what may happen, happens."""
        return max(self.runs, key=lambda run: (not run["verdict"]["is_right"], damage(run["verdict"])))


def damage(verdict: dict[str, Any]) -> int:
    """All that is wrong in a tab, as one number."""
    cells = sum(verdict["wrong"].values()) + sum(verdict["untyped"].values())
    return int(verdict["lost"] + verdict["doubled"] + verdict["left_over"] + cells)


def figures(measured: list[dict[str, Any]]) -> list[Figure]:
    """Group single measurements, in the order in which they were made."""
    groups: dict[tuple[int, str, str], list[dict[str, Any]]] = {}
    for one in measured:
        groups.setdefault((one["rows"], one["scenario"], one["peer"]), []).append(one)
    result = []
    for (rows, scenario, peer), runs in groups.items():
        ours = [run["seconds"] for run in groups.get((rows, scenario, OURS), [])]
        is_known = ours and all(run["seconds"] is not None for run in [*runs, *({"seconds": s} for s in ours)])
        ratio = median(run["seconds"] for run in runs) / median(ours) if is_known else None
        result.append(Figure(peer, rows, scenario, tuple(runs), ratio))
    return result


def describe(verdict: dict[str, Any]) -> str:
    """A verdict in words."""
    if verdict["is_right"]:
        return "yes"
    parts = [
        f"{verdict[name]:,} rows {words}"
        for name, words in (("lost", "lost"), ("doubled", "doubled"), ("left_over", "left over"))
        if verdict[name]
    ]
    if wrong := Counter(verdict["wrong"]):
        parts.append(f"{wrong.total():,} cells wrong ({', '.join(sorted(wrong))})")
    if untyped := Counter(verdict["untyped"]):
        parts.append(f"{untyped.total():,} numbers, dates and truth values kept as text")
    return "no: " + ", ".join(parts)
