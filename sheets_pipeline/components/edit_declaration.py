"""What a declaration in YAML may say about edits: the part of a column, and the part of the tab."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from sheets_pipeline.sync.editing import Editing, Edits, Place, RowTarget, faults
from sheets_pipeline.sync.row_rules import row_faults
from sheets_pipeline.sync.tab import Column, ColumnType


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


class EditRow(BaseModel):
    """A table that edits change, and how its row is found."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    table: str = Field(
        min_length=1, description="The table, with its schema where the search path does not lead to it."
    )
    key: dict[str, str] = Field(
        min_length=1, description="For each key column of the table, the column of the tab that holds it."
    )


_Rows = Annotated[list[EditRow], Field(min_length=1)]


class DeletionColumn(BaseModel):
    """The column that says when a row was deleted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    column: str = Field("deleted_at", min_length=1, description="Of the first table of row.")


class Deletion(BaseModel):
    """What becomes in the database of rows that people delete in the tab."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    hard: Literal[True] | None = Field(None, description="true: they are deleted there, too.")
    soft: DeletionColumn | None = Field(None, description="They stay, and a column says when they were deleted.")


def _as_deletion(value: Any) -> Any:
    return {value: True if value == "hard" else {}} if isinstance(value, str) else value


class TabEdits(BaseModel):
    """Where edits of a tab's columns go."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    row: Annotated[_Rows, BeforeValidator(_as_list, json_schema_input_type=EditRow | _Rows)] = Field(
        description="Which row of which table a row of the tab is; a list where columns write to several tables."
    )
    needs_approval_above: int | None = Field(
        None, ge=0, description="Edits of more cells at once wait until a person accepts them."
    )

    new_rows: Literal["insert"] | None = Field(
        None, description="insert: rows that people type are inserted into the first table of row; off where left out."
    )
    needs: list[str] | None = Field(
        None,
        min_length=1,
        description="Columns that must be filled before a new row is inserted; key columns that people type.",
    )
    deleted_rows: Annotated[
        Deletion | None,
        BeforeValidator(_as_deletion, json_schema_input_type=Literal["hard", "soft"] | Deletion),
    ] = Field(
        None,
        description="hard, or soft: {column: NAME}: what becomes of rows that people delete, 60 s later; else they come back.",
    )

    @property
    def engine(self) -> Edits:
        """The same for the engine."""
        deletion = self.deleted_rows or Deletion(hard=None, soft=None)
        how = "soft" if deletion.soft else "hard" if deletion.hard else ""
        column = deletion.soft.column if deletion.soft else "deleted_at"
        rows = tuple(RowTarget(row.table, row.key) for row in self.row)
        needs = tuple(self.needs or ())
        return Edits(rows, self.needs_approval_above, self.new_rows is not None, needs, how, column)


_Values = Annotated[
    list[Any],
    WithJsonSchema({"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}),
]


class ColumnEdits(BaseModel):
    """The part of a column that says whether people may edit it."""

    editable: bool = Field(False, description="Whether what people type into the column goes into the database.")
    writes_to: str | None = Field(
        None, min_length=1, description="The column of the database that takes it: table.column."
    )
    one_of: _Values | None = Field(None, min_length=1, description="The values that are taken; all where left out.")
    on_conflict: Literal["sheet", "database"] | None = Field(
        None, description="Whose value wins where both sides changed it; the database's where left out."
    )
    editors: Annotated[
        list[str] | None,
        BeforeValidator(_as_list, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)]),
    ] = Field(
        None,
        min_length=1,
        description="Mail addresses, or @domain, of those who may edit it; everybody where left out.",
    )

    @property
    def editing(self) -> Editing | None:
        """The same for the engine; None where the column is not edited."""
        if not self.editable:
            return None
        return Editing(
            self.writes_to or "", tuple(self.one_of or ()), self.on_conflict or "database", tuple(self.editors or ())
        )


#: What means something for columns alone that are edited.
_WITH_EDITABLE = ("writes_to", "one_of", "on_conflict", "editors")


def edit_faults(
    key: Sequence[str], columns: Sequence[Any] | None, edits: TabEdits | None, kept: Sequence[str]
) -> Iterator[tuple[Place, str]]:
    """What does not fit together, each with its place.

    Args:
        key: The tab's key columns.
        columns: Its columns (``TabColumn``), None where they are left to the query.
        edits: What the tab says of edits.
        kept: Columns that the pipeline itself fills.
    """
    made, wrong = [], list[tuple[Place, str]]()
    for i, column in enumerate(columns or ()):
        editing = column.editing
        if editing is None:
            wrong += [
                (
                    ("columns", i, name),
                    f"{name} says what becomes of edits, and the column is not editable. Add editable: true",
                )
                for name in _WITH_EDITABLE
                if getattr(column, name) is not None
            ]
        elif column.writes_to is None:
            text = f"columns[{i + 1}]: the column {column.name!r} is editable: writes_to is missing. Give table.column"
            wrong.append((("columns", i), text))
        elif any(isinstance(one, list | dict) or one is None for one in column.one_of or ()):
            wrong.append((("columns", i, "one_of"), "one_of: expected texts, numbers, true or false"))
        made.append(Column(column.name, ColumnType(column.type or "text"), column.header or "", editing=editing))
    if columns is None and edits is not None:
        wrong.append((("edits",), "edits needs columns: name the columns that are editable"))
    yield from wrong
    if not wrong:
        engine = edits.engine if edits else None
        yield from faults(key, made, engine, kept)
        yield from row_faults(key, made, engine)
