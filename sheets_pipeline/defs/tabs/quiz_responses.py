"""Tab ``quiz_responses``: one row per submission; older ones live in an archive tab per month."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_asset
from sheets_pipeline.platform import queries, watches
from sheets_pipeline.platform.response_archive import ResponseSource
from sheets_pipeline.platform.settings import PlatformSettings
from sheets_pipeline.settings import OwnSetting
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
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
        Column("score", ColumnType.DECIMAL, editing=Editing("quiz_responses.score")),
        Column("passed", ColumnType.BOOLEAN, editing=Editing("quiz_responses.passed")),
        Column("submitted_at", ColumnType.DATETIME),
        Column("answer"),
    ),
    edits=Edits((RowTarget("quiz_responses", {"id": "response_id"}),)),
    position=40,
    watches=watches.QUIZ_RESPONSES,
    switch=OwnSetting(PlatformSettings, "sync_enable_quiz_responses"),
    archive=Archive("submitted_at", OwnSetting(PlatformSettings, "sync_quiz_responses_max_rows"), ResponseSource),
)


@tab_asset(QUIZ_RESPONSES)
def quiz_responses(_connection: sa.Connection, since: datetime | None = None) -> sa.Select[Any]:
    """Quiz submissions, the newest ones in the tab, earlier ones in an archive tab per month."""
    return queries.quiz_responses(since)
