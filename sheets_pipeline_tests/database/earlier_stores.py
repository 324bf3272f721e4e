"""The pipeline's own tables as earlier commits made them, with rows in them: what an upgrade finds."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from sheets_pipeline.database.types import Key, UtcDateTime


def _first_tables(metadata: sa.MetaData) -> None:
    """118f630: writing only what differs, within quota."""
    sa.Table(
        "sync_tab",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("spreadsheet_id", sa.String(100), nullable=False),
        sa.Column("tab", sa.String(100), nullable=False),
        sa.Column("facts", sa.Text),
        sa.UniqueConstraint("spreadsheet_id", "tab"),
    )
    sa.Table(
        "sync_base_row",
        metadata,
        sa.Column("tab_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("row_key", sa.String(500), primary_key=True),
        sa.Column("cells", sa.Text().with_variant(mysql.LONGTEXT(), "mysql")),
        sa.Column("is_gone", sa.Boolean, nullable=False),
        sa.Column("written_at", sa.Double, nullable=False),
        sa.Index("sync_base_row_written", "tab_id", "written_at"),
    )
    sa.Table(
        "sync_quota_budget",
        metadata,
        sa.Column("credential", sa.String(200), primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("urgent_at", sa.Double, nullable=False),
    )
    sa.Table(
        "sync_quota_slot",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("credential", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Index("sync_quota_slot_budget", "credential", "kind", "state"),
    )


def _with_history(metadata: sa.MetaData) -> None:
    """5175745: every sync recorded; answers of 429 were not counted yet."""
    _first_tables(metadata)
    sa.Table(
        "sync_history",
        metadata,
        sa.Column("id", Key, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.String(100), nullable=False) for name in ("spreadsheet_id", "tab")),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("outcome", sa.String(10)),
        sa.Column("error_kind", sa.String(60)),
        sa.Column("error", sa.Text),
        sa.Column("needs_person", sa.Boolean),
        sa.Column("seconds", sa.Double),
        *(sa.Column(name, sa.Integer) for name in ("rows", "inserts", "updates", "deletes", "cells")),
        *(sa.Column(name, sa.Integer) for name in ("read_requests", "write_requests")),
        sa.Column("bytes_sent", sa.BigInteger),
        sa.Column("quota_wait_seconds", sa.Double),
        sa.Column("set_aside", sa.Integer),
        sa.Index("sync_history_tab", "spreadsheet_id", "tab", "outcome", "id"),
        sa.Index("sync_history_run", "run_id"),
        sa.Index("sync_history_started", "started_at"),
        sqlite_autoincrement=True,
    )


def _with_pauses_and_archives(metadata: sa.MetaData) -> None:
    """190f150: pauses, held tabs and archive tabs beside it."""
    _with_history(metadata)
    sa.Table(
        "sync_pause",
        metadata,
        sa.Column("holder", sa.String(200), primary_key=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("taken_at", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    sa.Table(
        "sync_hold",
        metadata,
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("held_since", sa.Double),
        sa.Column("turn_at", sa.Double),
    )
    names = ("spreadsheet_id", "tab")
    keys = lambda: [sa.Column(name, sa.String(100), primary_key=True) for name in names]  # noqa: E731
    sa.Table("sync_held_tab", metadata, *keys(), sa.Column("since", UtcDateTime, nullable=False))
    moments = ("since", "moving_to", "filled_from", "kept_from")
    sa.Table("sync_archive", metadata, *keys(), *(sa.Column(name, UtcDateTime) for name in moments))


#: Commit → what declares its tables.
EARLIER = {"118f630": _first_tables, "5175745": _with_history, "190f150": _with_pauses_and_archives}


def make_store(engine: sa.Engine, commit: str) -> None:
    """The tables of a commit, with a row in each that an upgrade must keep."""
    metadata = sa.MetaData()
    EARLIER[commit](metadata)
    metadata.create_all(engine)
    rows: dict[str, str] = {
        "sync_tab": "(id, spreadsheet_id, tab, facts) VALUES (1, 'S', 'T', "
        """'{"sheet_id": 5, "time_zone": "UTC", "layout": {"id": 0}, "seen_at": 1.5}')""",
        "sync_base_row": "(tab_id, row_key, cells, is_gone, written_at) VALUES (1, '7', '[7, \"Ada\"]', false, 1.5)",
        "sync_quota_budget": "(credential, kind, urgent_at) VALUES ('c', 'read', 0)",
        "sync_quota_slot": "(credential, kind, priority, state, at) VALUES ('c', 'read', 1, 'answered', 1.5)",
        "sync_history": "(spreadsheet_id, tab, kind, run_id, started_at, outcome, seconds, set_aside) "
        "VALUES ('S', 'T', 'full', 'r', '2026-11-22 10:00:00', 'success', 2.5, 0)",
        "sync_pause": "(holder, reason, taken_at, until) VALUES ('h', '', 1.5, 2.5)",
        "sync_hold": "(kind, held_since, turn_at) VALUES ('full', NULL, 1.5)",
        "sync_held_tab": "(spreadsheet_id, tab, since) VALUES ('S', 'T', '2026-11-22 10:00:00')",
        "sync_archive": "(spreadsheet_id, tab, since) VALUES ('S', 'T', '2026-11-01 00:00:00')",
    }
    with engine.begin() as connection:
        for table in metadata.tables:
            connection.exec_driver_sql(f"INSERT INTO {table} {rows[table]}")
