"""What the first sync of a run would wait for, made ready before there is a run and while Dagster sets it up."""

from contextlib import ExitStack

from sheets_pipeline.pipeline import Pipeline

#: Of an event that shows in three tabs: each holds its lock on one and asks on another, and one of them computes.
_CONNECTIONS = 7


def open_ahead(pipeline: Pipeline) -> None:
    """Load the credentials, and open connections to the database."""
    pipeline.client()
    with ExitStack() as opened:
        for _ in range(_CONNECTIONS):
            opened.enter_context(pipeline.platform.connect())
    pipeline.installation.owner()


def open_beside(pipeline: Pipeline) -> None:
    """Open a connection to the Sheets API, and get a token where there is none; nothing is asked of the API."""
    pipeline.client().open_ahead()
