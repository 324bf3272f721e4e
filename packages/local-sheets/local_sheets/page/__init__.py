"""The page of Local Sheets: its spreadsheets as people know them, with a view on the API's traffic."""
