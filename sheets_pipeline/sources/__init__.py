"""Spreadsheets of other people, read into a store: typed tables, versioned by their content."""
