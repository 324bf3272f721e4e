"""Tags of runs: which spreadsheet and credential they serve, and what they failed of. Set here, and where a process is found dead.

They make runs filterable in the UI, and are all that the circuit breaker knows.
"""

from collections.abc import Callable, Mapping

import dagster as dg

from sheets_pipeline.errors import (
    ERROR_TAG,
    NEEDS_PERSON_TAG,
    Concerns,
    ProcessDied,
    SheetsPipelineError,
    is_within_tab,
)
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each

SPREADSHEET_TAG = "sheets_pipeline/spreadsheet"
#: In its place where a run leaves that spreadsheet alone and serves others of the installation: it says nothing about it.
OTHERS_TAG = "sheets_pipeline/others_than_spreadsheet"
CREDENTIAL_TAG = "sheets_pipeline/credential"
#: What the class is followed by where another spreadsheet than the default one is concerned.
ELSEWHERE = " elsewhere"

#: The credential of runs that found none.
NO_CREDENTIAL = "none"


def run_tags(pipeline: Pipeline, *, others: bool = False) -> dict[str, str]:
    """Tags for every run that is started for this spreadsheet, or for others than it; never a secret."""
    name = OTHERS_TAG if others else SPREADSHEET_TAG
    return {name: pipeline.spreadsheet.id, CREDENTIAL_TAG: credential_name(pipeline)}


def tags_of(
    open_pipeline: Callable[[], Pipeline], run: dg.DagsterRun, spreadsheet: str | Each = DEFAULT
) -> dict[str, str]:
    """``run_tags`` for a run at work in a spreadsheet; none where the pipeline cannot be opened, which the run will tell."""
    others = OTHERS_TAG in run.tags or (spreadsheet != DEFAULT and SPREADSHEET_TAG not in run.tags)
    try:
        return run_tags(open_pipeline(), others=others)
    except SheetsPipelineError:
        return {}


def credential_name(pipeline: Pipeline) -> str:
    """The name that people share spreadsheets with, ``none`` where credentials are missing or no key."""
    try:
        return pipeline.identity.name
    except SheetsPipelineError:
        return NO_CREDENTIAL


def failure_tags(
    error: SheetsPipelineError, tags: Mapping[str, str], spreadsheet: str | Each = DEFAULT
) -> dict[str, str]:
    """Tags of a run that failed with this error; what concerns less never hides what concerns more.

    An error of another spreadsheet than the default one says nothing about that: its circuit does not count it.
    """
    is_elsewhere = spreadsheet != DEFAULT and error.concerns in (Concerns.SPREADSHEET, Concerns.CREDENTIAL)
    known = tags.get(ERROR_TAG)
    if known == ProcessDied.__name__:  # that of the run which this one retries
        known = None
    if known and (error.concerns.is_within_tab or is_elsewhere) and not is_of_less(known):
        return {}
    name = type(error).__name__ + (ELSEWHERE if is_elsewhere else "")
    return {ERROR_TAG: name, NEEDS_PERSON_TAG: str(error.needs_person).lower()}


def is_of_less(error: str | None) -> bool:
    """Whether the error of this tag concerns less than the default spreadsheet as a whole."""
    return error is not None and (error.endswith(ELSEWHERE) or is_within_tab(error))


def add_missing(instance: dg.DagsterInstance, run: dg.DagsterRun, tags: Mapping[str, str]) -> None:
    """Add tags to a run under way, unless all are there: runs started in the UI come without."""
    if missing := {name: value for name, value in tags.items() if run.tags.get(name) != value}:
        instance.add_run_tags(run.run_id, missing)
