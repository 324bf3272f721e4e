"""The ledger of edits: every cell that people changed and what became of it, the messages in which they came, and our notes."""

import sqlalchemy as sa

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.database.types import Key, LongText, UtcDateTime
from sheets_pipeline.sync.cells import MAX_KEY_CHARACTERS

sheet_edit = sa.Table(
    "sheet_edit",
    state_metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("event_id", ExactText(80), nullable=False, unique=True, comment="message and number of the cell in it"),
    sa.Column("tab_id", sa.Integer, nullable=False, comment="of sync_tab"),
    sa.Column("row_key", ExactText(MAX_KEY_CHARACTERS), nullable=False),
    sa.Column("column_name", ExactText(200), nullable=False),
    sa.Column("base", LongText, comment="JSON; what the tab held before; null: not known"),
    sa.Column("typed", LongText, nullable=False, comment="JSON; what was typed, as it came"),
    sa.Column("in_database", LongText, comment="JSON; what the database held when the edit was looked at"),
    sa.Column("stored", LongText, comment="JSON; what the database made of it"),
    sa.Column("locale", ExactText(40), nullable=False),
    sa.Column("time_zone", ExactText(80), nullable=False),
    sa.Column("editor", ExactText(254), nullable=False, comment="mail address; blank: not known"),
    sa.Column("typed_at", sa.Double, nullable=False, comment="seconds since 1970, by the clock of who saw it"),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("seen_by", ExactText(10), nullable=False, comment="webhook, read or undo"),
    sa.Column("batch", ExactText(80), nullable=False),
    sa.Column("state", ExactText(20), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("settled_at", UtcDateTime),
    sa.Column("decided_by", ExactText(254), comment="who accepted, rejected or undid it"),
    sa.Column(
        "is_overwritten",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="whether a sync wrote over it before it was seen: the tab does not hold it",
    ),
    sa.Column(
        "is_told",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="whether an event says that its person typed this; of several cells none says so",
    ),
    sa.Column("undoes", Key, comment="id of the edit that this one takes back"),
    sa.Column("whole_row", LongText, comment="JSON; all of a row that was inserted or deleted, for taking that back"),
    sa.Index("sheet_edit_due", "state", "due_at"),
    sa.Index("sheet_edit_row", "tab_id", "row_key"),
    sa.Index("sheet_edit_seen", "seen_at"),
    sa.Index("sheet_edit_state", "state", "id"),
    sa.Index("sheet_edit_tab", "tab_id", "id"),
    sa.Index("sheet_edit_editor", "editor", "id"),
    sa.Index("sheet_edit_batch", "batch"),
    sa.Index("sheet_edit_settled", "settled_at"),
    comment="Cells that people changed, and what became of each.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

sheet_edit_message = sa.Table(
    "sheet_edit_message",
    state_metadata,
    sa.Column("id", ExactText(40), primary_key=True, comment="uuid that the script gave it"),
    sa.Column("spreadsheet_id", ExactText(100), nullable=False),
    sa.Column("tab", ExactText(100), nullable=False),
    sa.Column("kind", ExactText(10), nullable=False, comment="edit, look or probe"),
    sa.Column("cells", sa.Integer, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Index("sheet_edit_message_received", "received_at"),
    comment="Messages of the Apps Script: none counts twice.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

sheet_note = sa.Table(
    "sheet_note",
    state_metadata,
    sa.Column("tab_id", sa.Integer, primary_key=True, autoincrement=False, comment="of sync_tab"),
    sa.Column("row_key", ExactText(MAX_KEY_CHARACTERS), primary_key=True),
    sa.Column("column_name", ExactText(200), primary_key=True),
    sa.Column("wanted", LongText, comment="what the cell's note is to say; null: none"),
    sa.Column("written", LongText, comment="the note of ours that stands in the cell; null: none"),
    sa.Column("sent", LongText, comment="a note on its way, which may stand in another cell if rows moved; null: none"),
    comment="Notes of ours in cells whose edits were not taken.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)
