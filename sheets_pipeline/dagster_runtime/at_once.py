"""Tags that say where and how soon a run is executed, and what workers do before and beside a run that must not wait. A module
of its own, so that definitions can use it without the rest.
"""

import logging
import threading
from collections.abc import Callable

#: A job with this tag set to "true" starts at once when a sensor or schedule asks for it.
AT_ONCE_TAG = "sheets_pipeline/at_once"

#: A run with this tag goes to the hosts of that label, where runs go to several (``hosts`` of a credential).
HOSTS_TAG = "sheets_pipeline/hosts"

logger = logging.getLogger(__name__)

_ahead: list[Callable[[], None]] = []
_beside: list[Callable[[], None]] = []


def ahead(prepare: Callable[[], None]) -> None:
    """Have this done in each process that stands by for such a run, before there is one."""
    if prepare not in _ahead:
        _ahead.append(prepare)


def beside(prepare: Callable[[], None]) -> None:
    """Have this done in the process of each such run, in a thread, while Dagster sets the run up."""
    if prepare not in _beside:
        _beside.append(prepare)


def begin_ahead() -> None:
    """Do what can be done before there is a run."""
    _begin("ahead", _ahead)


def begin_beside() -> None:
    """Do what is to be done beside the run's start."""
    _begin("beside", _beside)


def _begin(name: str, all_of: list[Callable[[], None]]) -> None:
    """In a thread; what fails is met again, and told, by the run itself."""

    def begin() -> None:
        for prepare in all_of:
            try:
                prepare()
            except Exception as error:
                logger.info("Not ready %s of the run: %s", name, type(error).__name__)

    threading.Thread(target=begin, name=name, daemon=True).start()
