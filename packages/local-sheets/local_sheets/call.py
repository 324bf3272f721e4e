"""One request to the API on its way through the server, and what the log says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.transaction import Transaction

if TYPE_CHECKING:
    from local_sheets.engine import Engine
    from local_sheets.field_mask import Mask

Answer = dict[str, Any]


@dataclass(slots=True)
class Call:
    """A request that was read and checked. ``path``, ``query`` and ``body`` use the API's camelCase names."""

    engine: Engine
    method_id: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: dict[str, Any]
    #: E-mail address of the caller; None when nobody has to show who they are.
    caller: str | None = None
    mask: Mask | None = None
    #: What the log says: ranges in short, and how many cells were read or written.
    summary: str = ""
    cells: int = 0
    #: Ends of addresses of spreadsheets, such as ``https://docs.google.com``.
    site: str = "https://docs.google.com"

    def wants(self, path: str) -> bool:
        """Whether the answer's field mask shows this field, or any part of it."""
        return self.mask is None or path in self.mask


ReadHandler = Callable[[Spreadsheet, Call], Answer]
WriteHandler = Callable[[Transaction, Call], Answer]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a method is served. Exactly one of ``read``, ``write`` and ``plain`` is there.

    ``read`` gets the spreadsheet, ``write`` a transaction on it, ``plain`` only the call. ``counts`` says which
    quota it uses.
    """

    counts: str
    read: ReadHandler | None = None
    write: WriteHandler | None = None
    plain: Callable[[Call], Answer] | None = field(default=None)
