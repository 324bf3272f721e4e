"""Tests of packages/local-sheets/local_sheets/spreadsheets_api."""
