"""Tab ``course_statistics``: one row per course."""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_asset
from sheets_pipeline.platform import queries, watches
from sheets_pipeline.platform.settings import PlatformSettings
from sheets_pipeline.settings import OwnSetting
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

COURSE_STATISTICS = Tab(
    title="course_statistics",
    key=("course_id",),
    columns=(
        Column("course_id", ColumnType.INTEGER),
        Column("title"),
        Column("enrolled", ColumnType.INTEGER),
        Column("active_7d", ColumnType.INTEGER),
        Column("completed", ColumnType.INTEGER),
        Column("completion_rate", ColumnType.PERCENT),
        Column("quiz_submissions", ColumnType.INTEGER),
        Column("average_score", ColumnType.DECIMAL),
        Column("median_score", ColumnType.DECIMAL),
        Column("pass_rate", ColumnType.PERCENT),
        Column("last_submission_at", ColumnType.DATETIME),
    ),
    position=20,
    watches=watches.COURSE_STATISTICS,
    switch=OwnSetting(PlatformSettings, "sync_enable_course_stats"),
)


@tab_asset(COURSE_STATISTICS)
def course_statistics(connection: sa.Connection) -> sa.Select[Any]:
    """Courses with enrolment, activity, completion and scores."""
    return queries.course_statistics(connection.dialect.name)
