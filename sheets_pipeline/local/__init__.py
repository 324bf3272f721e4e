"""The embedded default: PostgreSQL, demo platform and Local Sheets; start, attach, stop."""
