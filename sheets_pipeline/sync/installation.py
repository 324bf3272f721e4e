"""Whether tables are where they were, or a copy of them somewhere else."""

from dataclasses import dataclass
from typing import Any

#: Signs of a place that are kept: servers that take turns for one database have some each.
_MOST_ANCHORS = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is: its name, and signs each of which tells its server from others."""

    name: str
    anchors: frozenset[str]

    def together_with(self, other: "Place") -> "Place":
        """The same place, by the signs of both."""
        more = sorted(self.anchors - other.anchors)[: max(0, _MOST_ANCHORS - len(other.anchors))]
        return Place(self.name, other.anchors | frozenset(more))

    def as_json(self) -> dict[str, Any]:
        """To be kept in the tables."""
        return {"name": self.name, "anchors": sorted(self.anchors)}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> "Place":
        """As it was kept."""
        return cls(stored["name"], frozenset(stored["anchors"]))


def is_same_place(known: Place, now: Place) -> bool:
    """Whether it is the same database, perhaps restored from a backup; a copy has another name or another server."""
    return known.name == now.name and bool(known.anchors & now.anchors)
