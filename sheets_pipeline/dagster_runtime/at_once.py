"""The tag of jobs that must not wait, and what their runs do beside their start. A module of its own, so that definitions
can use it without the rest.
"""

import logging
import threading
from collections.abc import Callable

#: A job with this tag set to "true" starts at once when a sensor or schedule asks for it.
AT_ONCE_TAG = "sheets_pipeline/at_once"

logger = logging.getLogger(__name__)

_ahead: list[Callable[[], None]] = []


def ahead(prepare: Callable[[], None]) -> None:
    """Have this done in the process of each such run, in a thread, while Dagster sets the run up."""
    if prepare not in _ahead:
        _ahead.append(prepare)


def begin_ahead() -> None:
    """Do it from now on; what fails is met again, and told, by the run itself."""

    def begin() -> None:
        for prepare in _ahead:
            try:
                prepare()
            except Exception as error:
                logger.info("Not ready ahead of the run: %s", type(error).__name__)

    threading.Thread(target=begin, name="ahead", daemon=True).start()
