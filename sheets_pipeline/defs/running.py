"""How runs execute: each in one process, with a console that shows steps and warnings, not every event."""

import logging

import dagster as dg
from dagster import Field, colored_console_logger

from sheets_pipeline import logs
from sheets_pipeline.settings import load_settings


@dg.logger(
    config_schema={
        "log_level": Field(
            str, is_required=False, default_value="", description="Lowest level that is shown; blank for the default."
        ),
        "name": Field(str, is_required=False, default_value="dagster", description="The logger's name."),
    },
    description="Dagster's console as text, or one JSON object per line (LOG_FORMAT=json).",
)
def console(context: dg.InitLoggerContext) -> logging.Logger:
    """Called once in the process of each run: says where that process's other lines go, too."""
    settings = load_settings()
    logs.bind(run_id=context.run_id)
    if not logs.is_configured():
        logs.configure(settings.log_format, settings.log_level)
    name, level = context.logger_config["name"], context.logger_config["log_level"]
    if settings.log_format == "text":  # every event: `sheets-pipeline dev` picks what people want to see
        config = {"name": name, "log_level": level or "DEBUG"}
        return colored_console_logger.logger_fn(dg.build_init_logger_context(logger_config=config))
    log = logging.Logger(name, level=level or "DEBUG")
    log.addHandler(logs.handler("json"))
    log.addFilter(logs.RunsAndLevel(level or settings.log_level))
    return log


#: For jobs of ops, which do not take it from the definitions.
CONSOLE = console

#: Configuration of every job: without it Dagster takes a console of its own.
RUN_CONFIG = {"loggers": {"console": {"config": {"log_level": ""}}}}


@dg.definitions
def running() -> dg.Definitions:
    """The executor and the console logger of every job."""
    return dg.Definitions(executor=dg.in_process_executor, loggers={"console": CONSOLE})
