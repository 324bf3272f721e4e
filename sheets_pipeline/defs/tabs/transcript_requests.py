"""Tab ``TranscriptRequests``: one row per transcript that a learner asked for."""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import tab_asset
from sheets_pipeline.platform import queries, watches
from sheets_pipeline.platform.settings import PlatformSettings
from sheets_pipeline.settings import OwnSetting
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

TRANSCRIPT_REQUESTS = Tab(
    title="TranscriptRequests",
    key=("request_id",),
    columns=(
        Column("request_id", ColumnType.INTEGER),
        Column("learner"),
        Column("course"),
        Column(
            "status",
            editing=Editing("transcript_requests.status", one_of=("pending", "approved", "sent", "rejected")),
        ),
        Column("pdf_generate", ColumnType.BOOLEAN, editing=Editing("transcript_requests.pdf_generate")),
        Column("requested_at", ColumnType.DATETIME),
        Column("updated_at", ColumnType.DATETIME),
    ),
    edits=Edits((RowTarget("transcript_requests", {"id": "request_id"}),)),
    position=30,
    watches=watches.TRANSCRIPT_REQUESTS,
    switch=OwnSetting(PlatformSettings, "sync_enable_transcript_requests"),
)


@tab_asset(TRANSCRIPT_REQUESTS)
def transcript_requests(_connection: sa.Connection) -> sa.Select[Any]:
    """Transcripts that learners asked for, with their status."""
    return queries.transcript_requests()
