"""Tests of packages/local-sheets/local_sheets/batch_update."""
