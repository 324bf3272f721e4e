"""Tests of packages/local-sheets/local_sheets/values_api."""
