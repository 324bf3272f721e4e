"""Sheet → database: the ledger of edits, taking them in, applying and undoing them, the Apps Script."""
