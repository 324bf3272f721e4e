"""How runs execute: each in one process, with a console that shows steps and warnings, not every event."""

import dagster as dg
from dagster import colored_console_logger

#: For jobs of ops, which do not take it from the definitions.
CONSOLE = colored_console_logger.configured({"log_level": "INFO"})


@dg.definitions
def running() -> dg.Definitions:
    """The executor and the console logger of every job."""
    return dg.Definitions(executor=dg.in_process_executor, loggers={"console": CONSOLE})
