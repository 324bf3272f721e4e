"""What fails in one tab is that tab's: an error that names it, in words without what stands in cells.

A tab's function is users' code, and its query meets whatever the database holds, so anything may be raised in it. Only
what concerns more than the tab (the database is down, the spreadsheet is not shared) is passed on as it is.
"""

import inspect
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.components.declarations import INTERRUPTS
from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.database import history
from sheets_pipeline.errors import DatabaseError, RequestRejected, SheetsPipelineError, TabFailed, TabProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.targets import target
from sheets_pipeline.runs.time_limit import TookTooLong
from sheets_pipeline.sync.privacy import without_values
from sheets_pipeline.sync.rows import check_columns
from sheets_pipeline.sync.tab import Tab

logger = logging.getLogger(__name__)

Kind = TypeVar("Kind", bound=BaseException)

#: Errors of Python whose message is about code, never about a value.
_ABOUT_CODE = (NameError, AttributeError, ImportError, SyntaxError)


@contextmanager
def computing(platform: sa.Engine, tab_asset: TabAsset) -> Iterator[None]:
    """While a tab's function runs, which reads from this database.

    Raises:
        TabProblem: Whatever it raised.
        DatabaseError: The database does not answer (any more), which is not the tab's fault.
    """
    try:
        yield
    except INTERRUPTS:
        raise
    except BaseException as error:  # users' code: it may even call sys.exit
        failure = first_cause(error, DatabaseError)
        if failure is not None and not _answers(platform):
            raise failure from None
        # Without its cause: a driver's message may quote what stands in cells, and Dagster keeps it.
        raise computing_failed(tab_asset.tab.name, error, _file_of(tab_asset), _line_of(tab_asset)) from None


@contextmanager
def writing(tab: Tab) -> Iterator[None]:
    """While a tab is compared and written.

    Raises:
        TabProblem: What concerns this tab alone, a request that Google calls invalid among it.
        SheetsPipelineError: What concerns more than the tab, as it was.
    """
    try:
        yield
    except INTERRUPTS:
        raise
    except TabProblem:
        raise
    except RequestRejected as error:
        raise TabProblem(tab.name, str(error)) from error
    except SheetsPipelineError:
        raise
    except BaseException as error:
        raise _unexpected(tab.name, error, "comparing or writing it failed", "") from None


def computing_failed(title: str, error: BaseException, path: str, line: int | None = None) -> SheetsPipelineError:
    """The error of a tab whose function, declared in the file ``path``, raised; ``line`` is that of a query's declaration."""
    summary = "its rows cannot be computed"
    if isinstance(error, TabProblem):
        return error
    if isinstance(error, TookTooLong):
        problem = TabFailed(
            title,
            f"{summary}. Its {'query' if line else 'function'} in {Path(path).name} took longer than {error.seconds:g} s "
            "(SYNC_TAB_TIMEOUT_SECONDS). Bound what it waits for, make it quicker, or raise the setting.",
        )
        problem.is_transient = False
        return problem
    if (explained := first_cause(error, DatabaseError)) is not None:
        failed = TabProblem(title, f"{summary}. {explained}")
        failed.is_transient = explained.is_transient
        return failed
    if isinstance(error, SheetsPipelineError):
        return error
    if (refused := first_cause(error, sa.exc.DBAPIError)) is not None:
        place = f"{Path(path).name}, line {line}" if line else _place(error, path)
        wrong = TabProblem(
            title, f"{summary}. The database says: {without_values(refused)}. Correct the query ({place})."
        )
        wrong.is_transient = isinstance(refused, sa.exc.OperationalError | sa.exc.InternalError)
        return wrong
    return _unexpected(title, error, summary, path)


def _unexpected(title: str, error: BaseException, problem: str, path: str) -> TabFailed:
    kind = type(error).__name__
    message = f": {' '.join(str(error).split())[:200]}" if isinstance(error, _ABOUT_CODE) else ""
    refused = f": {without_values(error)}" if isinstance(error, sa.exc.DBAPIError) else ""
    return TabFailed(title, f"{problem}. Unexpected {kind}{message}{refused} ({_place(error, path)}).")


def checked_rows(tab_asset: TabAsset, frame: Any) -> pd.DataFrame:
    """What a tab's function gave, if it is a frame with each declared column once.

    Raises:
        TabProblem: It is something else.
    """
    if not isinstance(frame, pd.DataFrame):
        title = tab_asset.tab.name
        raise TabProblem(title, f"expected its function to return a DataFrame, found {type(frame).__name__}.")
    check_columns(tab_asset.tab_of(frame), frame)
    return frame


def record_failure(pipeline: Pipeline, tab_asset: TabAsset, run_id: str, error: SheetsPipelineError) -> None:
    """Note a full sync of a tab that failed before anything was read or written; what concerns more is seen by its run."""
    if not isinstance(error, TabProblem):
        return
    title = tab_asset.tab.title
    try:
        spreadsheet_id = target(pipeline, tab_asset).spreadsheet.id
        history.complete(pipeline.state, history.begin(pipeline.state, spreadsheet_id, title, "full", run_id), error)
    except (SheetsPipelineError, sa.exc.SQLAlchemyError) as second:  # the first error must be the one that is seen
        logger.warning("The failed sync of tab %r could not be recorded: %s", title, type(second).__name__)


def _answers(engine: sa.Engine) -> bool:
    """Whether the database answers now, so that a query failed for a reason of its own."""
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("select 1"))
    except (SheetsPipelineError, sa.exc.SQLAlchemyError):
        return False
    return True


def first_cause(error: BaseException, kind: type[Kind]) -> Kind | None:
    """The error, or the one that it was raised from, if it is of this kind: pandas wraps what databases say."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__
    return seen


def _file_of(tab_asset: TabAsset) -> str:
    if tab_asset.declared is not None:
        return tab_asset.declared.path
    return str(getattr(getattr(inspect.unwrap(tab_asset.compute), "__code__", None), "co_filename", ""))


def _line_of(tab_asset: TabAsset) -> int | None:
    return tab_asset.declared.line if tab_asset.declared is not None else None


def _place(error: BaseException, path: str) -> str:
    """Where it happened: the line of the tab's own file that led there, else the innermost."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename == path]
    if not (innermost := (ours or frames)[-1:]):
        return "at an unknown place"
    return f"{Path(innermost[0].filename).name}, line {innermost[0].lineno}"
