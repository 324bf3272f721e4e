"""How errors show in Dagster: the message with its remedy, and a retry only where a retry can help."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import dagster as dg
from dagster import DagsterError

from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.run_tags import add_missing, failure_tags, tags_of
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sync.privacy import where_raised, without_values
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each

_RETRY_NUMBER_TAG = "dagster/retry_number"
_NO_RETRY_TAGS = {"dagster/retry_on_asset_or_op_failure": "false"}


@contextmanager
def explained(
    instance: dg.DagsterInstance,
    run_id: str,
    open_pipeline: Callable[[], Pipeline],
    words: Collection[str] = (),
    spreadsheet: str | Each = DEFAULT,
) -> Iterator[None]:
    """Turn errors into a Dagster failure; those that only a person can mend are not retried.

    The run is tagged with what it failed of: people filter by it, and the circuit breaker counts it. Dagster keeps an error
    with all that led to it for everybody to read, so what a database or a library said is told without values, alone.
    """
    try:
        yield
    except dg.Failure:
        raise
    except SheetsPipelineError as error:
        if run := instance.get_run_by_id(run_id):
            no_retry = _NO_RETRY_TAGS if error.needs_person else {}
            add_missing(
                instance,
                run,
                tags_of(open_pipeline, run, spreadsheet) | failure_tags(error, run.tags, spreadsheet) | no_retry,
            )
        details = {"error": type(error).__name__, "where": where_raised(error)}
        raise dg.Failure(str(error), metadata=details, allow_retries=not error.needs_person) from None
    except DagsterError:
        raise
    except Exception as error:  # a tab's query is a user's code
        details = {"error": type(error).__name__, "where": where_raised(error)}
        raise dg.Failure(f"Unexpected {without_values(error, words)}", metadata=details) from None


def wait_before_retry(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    open_pipeline: Callable[[], Pipeline],
    spreadsheet: str | Each = DEFAULT,
) -> None:
    """In a run that Dagster started again, wait 1, 2, 4 ... times SYNC_RETRY_DELAY_SECONDS before the first request.

    Whoever started the run, from here on it carries the tags of its spreadsheet and credential.
    """
    add_missing(context.instance, context.run, tags_of(open_pipeline, context.run, spreadsheet))
    number = int(context.run.tags.get(_RETRY_NUMBER_TAG, 0))
    if number:
        seconds = min(load_settings().sync_retry_delay_seconds * 2.0 ** (number - 1), 300)
        context.log.info("Retry %d: waiting %.0f s first", number, seconds)
        time.sleep(seconds)
