"""What the first sync of a run would wait for, made ready while Dagster sets the run up."""

from contextlib import ExitStack

from sheets_pipeline.pipeline import Pipeline

#: Of an event that shows in three tabs: each holds its lock on one and computes on another.
_CONNECTIONS = 5


def open_ahead(pipeline: Pipeline) -> None:
    """Load the credentials, open connections to the database and to the Sheets API, get a token where there is none.

    Nothing is asked of the Sheets API.
    """
    client = pipeline.client()
    with ExitStack() as opened:
        for _ in range(_CONNECTIONS):
            opened.enter_context(pipeline.platform.connect())
    client.open_ahead()
    pipeline.installation.owner()
