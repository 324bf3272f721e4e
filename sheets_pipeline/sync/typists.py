"""Who typed the cells of a row that has no key yet: told from steps, each a message about cells that one person typed.

A row without a key is known by what stands in it. A step says what was typed and what else stood in the row; the step before
it is one that left that behind. A script reads the row after the event, so a step may tell of cells that a later one typed: that it
saw them is no evidence of who typed them. What no step leads to was typed by somebody unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sheets_pipeline.sync.cells import Cell, same_cell

#: Stands for somebody of whom no step tells.
NOBODY_KNOWS = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Cells of one row that one person typed, and what stood in the row's other editable cells; oldest steps come first."""

    editor: str
    touched: Mapping[str, Cell]
    rest: Mapping[str, Cell]

    @property
    def left(self) -> dict[str, Cell]:
        """What the row held after it."""
        return {**self.rest, **self.touched}


def typists(cells: Mapping[str, Cell], steps: Sequence[Step]) -> dict[str, set[str]]:
    """Who may have typed each filled cell of a row: several where rows that hold the same were typed by several.

    Args:
        cells: The row's editable cells.
        steps: All that are known of the tab, in their order.
    """
    seen: list[tuple[dict[str, Cell], dict[str, set[str]]]] = []
    for step in steps:
        before = [who for left, who in seen if all(same_cell(left.get(name), one) for name, one in step.rest.items())]
        who = {name: set().union(*(one.get(name, set()) for one in before)) for name in _filled(step.rest)}
        seen.append((step.left, who | _all_of(step)))
    alike = [who for left, who in seen if _same(left, cells)]
    found = {name: set().union(*(who.get(name, set()) for who in alike)) for name in _filled(cells)}
    return {name: editors or {NOBODY_KNOWS} for name, editors in found.items()}


def _all_of(step: Step) -> dict[str, set[str]]:
    return {name: {step.editor} for name in _filled(step.touched)}


def _filled(cells: Mapping[str, Cell]) -> list[str]:
    return [name for name, cell in cells.items() if cell not in (None, "")]


def _same(one: Mapping[str, Cell], other: Mapping[str, Cell]) -> bool:
    return all(same_cell(one.get(name), other.get(name)) for name in one.keys() | other.keys())
