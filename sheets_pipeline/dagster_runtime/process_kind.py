"""Which of Dagster's processes this is."""

import sys
from pathlib import Path


def is_daemon() -> bool:
    """Whether this is Dagster's daemon: ``dagster-daemon run``, or ``python -m dagster._daemon`` as in ``dagster dev``."""
    program = Path(sys.argv[0])
    return program.name.startswith("dagster-daemon") or program.parent.name == "_daemon"
