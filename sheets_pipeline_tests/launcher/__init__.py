"""Tests of the run launcher."""
