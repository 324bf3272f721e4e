"""The ``sheets-pipeline`` command: one module per group of commands."""
