"""How a function is declared: its name, how many arguments it takes, and how it wants them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Style(Enum):
    SCALAR = auto()
    """Takes single values; over arrays it is applied to each value."""
    OPERAND = auto()
    """Takes evaluated operands: single values, arrays and ranges."""
    LAZY = auto()
    """Takes the evaluation and unevaluated nodes, and decides itself what is evaluated."""
    ARRAY = auto()
    """As OPERAND, but its arguments are evaluated as arrays, as inside ARRAYFORMULA."""


@dataclass(frozen=True, slots=True)
class Function:
    """``maximum`` is None where any number of arguments fits. ``run`` takes the evaluation first.

    ``each``: places of arguments that are single values; inside ARRAYFORMULA the function is applied to each value of an
    array there. ``each_other``: so is every second argument from this place on. ``takes_errors``: an argument that is an
    error is one of the values, not the end.
    """

    name: str
    minimum: int
    maximum: int | None
    style: Style
    run: Callable[..., Any]
    each: tuple[int, ...] = ()
    each_other: int | None = None
    takes_errors: bool = False


FUNCTIONS: dict[str, Function] = {}

Runs = Callable[..., Any]


def _declare(style: Style, name: str, minimum: int, maximum: int | None, **more: Any) -> Callable[[Runs], Runs]:
    def add(run: Runs) -> Runs:
        most = minimum if maximum == -1 else maximum
        FUNCTIONS[name] = Function(name, minimum, most, style, run, **more)
        return run

    return add


def scalar(name: str, minimum: int, maximum: int | None = -1) -> Callable[[Runs], Runs]:
    """Declare a function of single values; without a maximum it takes exactly ``minimum`` arguments."""
    return _declare(Style.SCALAR, name, minimum, maximum)


def operands(name: str, minimum: int, maximum: int | None = -1, **more: Any) -> Callable[[Runs], Runs]:
    """Declare a function of single values, arrays and ranges; ``more`` is what ``Function`` has besides."""
    return _declare(Style.OPERAND, name, minimum, maximum, **more)


def lazy(name: str, minimum: int, maximum: int | None = -1) -> Callable[[Runs], Runs]:
    """Declare a function that evaluates its own arguments."""
    return _declare(Style.LAZY, name, minimum, maximum)


def arrays(name: str, minimum: int, maximum: int | None = -1) -> Callable[[Runs], Runs]:
    """Declare a function whose arguments are evaluated as arrays."""
    return _declare(Style.ARRAY, name, minimum, maximum)
