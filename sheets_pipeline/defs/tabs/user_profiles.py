"""Tab ``UserProfiles``: one row per learner."""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_asset
from sheets_pipeline.platform import queries, watches
from sheets_pipeline.platform.settings import PlatformSettings
from sheets_pipeline.settings import OwnSetting
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

USER_PROFILES = Tab(
    title="UserProfiles",
    key=("user_id",),
    columns=(
        Column("user_id", ColumnType.INTEGER),
        Column("full_name", editing=Editing("users.full_name")),
        Column("email", editing=Editing("users.email")),
        Column("joined_at", ColumnType.DATETIME),
        Column("last_active_at", ColumnType.DATETIME),
        Column("courses_enrolled", ColumnType.INTEGER),
        Column("courses_completed", ColumnType.INTEGER),
        Column("completion_rate", ColumnType.PERCENT),
        Column("quizzes_taken", ColumnType.INTEGER),
        Column("average_score", ColumnType.DECIMAL),
        Column("best_course"),
        Column("days_active_30d", ColumnType.INTEGER),
    ),
    edits=Edits((RowTarget("users", {"id": "user_id"}),)),
    position=10,
    watches=watches.USER_PROFILES,
    switch=OwnSetting(PlatformSettings, "sync_enable_user_profiles"),
)


@tab_asset(USER_PROFILES)
def user_profiles(_connection: sa.Connection) -> sa.Select[Any]:
    """Learners with what they have enrolled in, completed and scored."""
    return queries.user_profiles()
