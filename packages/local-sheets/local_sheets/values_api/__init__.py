"""The ``spreadsheets.values`` methods: cells to JSON, JSON to cells, append's search for the table."""
