"""``local-sheets replay``: a team's own recordings of Google, played to Local Sheets and compared."""
