"""Rows that people add to tabs: the looks that are wanted of a tab, and rows that are on their way into the database."""

import sqlalchemy as sa

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.database.types import Key, LongText, UtcDateTime
from sheets_pipeline.sync.cells import MAX_KEY_CHARACTERS

sheet_tab_look = sa.Table(
    "sheet_tab_look",
    state_metadata,
    sa.Column("tab_id", sa.Integer, primary_key=True, autoincrement=False, comment="of sync_tab"),
    sa.Column("due_at", UtcDateTime, comment="when the tab is to be read; null: not before somebody asks"),
    sa.Column("looked_at", UtcDateTime, comment="when it was last read for edits alone"),
    sa.Column("doubled", LongText, comment="JSON; keys that stood on several rows then"),
    comment="Tabs to be read soon, because people changed something there that no message tells.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

sheet_row_birth = sa.Table(
    "sheet_row_birth",
    state_metadata,
    sa.Column("uuid", ExactText(40), primary_key=True, comment="in the developer metadata of the row"),
    sa.Column("tab_id", sa.Integer, nullable=False, comment="of sync_tab"),
    sa.Column("edit_id", sa.BigInteger, comment="of the ledger; null: a key that is put back"),
    sa.Column("row_key", ExactText(MAX_KEY_CHARACTERS), comment="null: the database has not taken the row yet"),
    sa.Column("key_cells", LongText, comment="JSON object by column: what the row's key cells are to hold"),
    sa.Column("cells", LongText, nullable=False, comment="JSON object by column: the row as it was typed"),
    sa.Column("is_tried", sa.Boolean, nullable=False, comment="whether the database may have been asked to take it"),
    sa.Index("sheet_row_birth_tab", "tab_id"),
    comment="Rows that people typed and that wait for their key; each goes when its key stands in the tab.",
    **UNICODE,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

sheet_row_step = sa.Table(
    "sheet_row_step",
    state_metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("tab_id", sa.Integer, nullable=False, comment="of sync_tab"),
    sa.Column("editor", ExactText(254), nullable=False, comment="mail address; blank: not known"),
    sa.Column("typed_at", sa.Double, nullable=False, comment="seconds since 1970, by the clock of who saw it"),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("touched", LongText, comment="JSON: cells that were typed; null: rows may have been taken out"),
    sa.Column("rest", LongText, comment="JSON: the row's other cells that people may edit, as they were then"),
    sa.Index("sheet_row_step_tab", "tab_id", "id"),
    comment="What people did to rows without a known key; forgotten within a day.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)
