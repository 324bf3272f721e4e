"""Keeps Google Sheets tabs in step with a SQL database, as a Dagster project."""
