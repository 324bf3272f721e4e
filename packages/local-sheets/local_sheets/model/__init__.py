"""What a spreadsheet is in memory: cells, rows in blocks, tabs, transactions that roll back. No HTTP, no disk."""
