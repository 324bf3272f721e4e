"""Tab ``quiz_responses``: one row per submission; older ones live in an archive tab per month."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_asset
from sheets_pipeline.platform import queries, watches
from sheets_pipeline.platform.response_archive import ResponseSource
from sheets_pipeline.sync.tab import Archive, Column, ColumnType, Tab

QUIZ_RESPONSES = Tab(
    title="quiz_responses",
    key=("response_id",),
    columns=(
        Column("response_id", ColumnType.INTEGER),
        Column("user"),
        Column("course"),
        Column("quiz"),
        Column("quiz_kind"),
        Column("score", ColumnType.DECIMAL),
        Column("passed", ColumnType.BOOLEAN),
        Column("submitted_at", ColumnType.DATETIME),
        Column("answer"),
    ),
    position=40,
    watches=watches.QUIZ_RESPONSES,
    switch="sync_enable_quiz_responses",
    archive=Archive("submitted_at", "sync_quiz_responses_max_rows", ResponseSource),
)


@tab_asset(QUIZ_RESPONSES)
def quiz_responses(
    connection: sa.Connection, ids: Collection[Any] | None, since: datetime | None = None
) -> pd.DataFrame:
    """Quiz submissions, the newest ones in the tab, earlier ones in an archive tab per month."""
    if ids is not None:
        return queries.quiz_responses(connection, queries.numbers(ids))
    return queries.quiz_responses(connection, since=since)
