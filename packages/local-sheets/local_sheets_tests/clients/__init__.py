"""Other people's Sheets clients at their ordinary work on Local Sheets."""
