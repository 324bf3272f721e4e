"""The ``spreadsheets``, ``spreadsheets.developerMetadata`` and ``spreadsheets.sheets`` methods."""
