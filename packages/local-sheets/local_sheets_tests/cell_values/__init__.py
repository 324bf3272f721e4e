"""Tests of packages/local-sheets/local_sheets/cell_values."""
