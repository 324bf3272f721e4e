"""Tests of packages/local-sheets/local_sheets/drive."""
