"""Formulas: read, evaluate, follow through moves of rows, and know what depends on what."""
