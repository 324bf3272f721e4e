"""The check that names what was given up, on the tabs that do not show it and on no others."""

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.database import events
from sheets_pipeline.definitions import defs
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline_tests.learning_platform import Platform


def evaluations(platform: Platform) -> dict[str, dg.AssetCheckEvaluation]:
    """Asset → what its check says."""
    job = defs().resolve_job_def("tab_checks")
    result = job.execute_in_process(instance=platform.instance, raise_on_error=False)
    evaluated = result.get_asset_check_evaluations()
    return {e.asset_key.to_user_string(): e for e in evaluated if e.check_name == "no_events_set_aside"}


def test_a_tab_with_events_set_aside_says_so_and_the_others_do_not(platform: Platform) -> None:
    with platform.engine.begin() as connection:
        connection.execute(sa.text("delete from pending_event"))
    list(submit_quizzes(platform.engine, 1, 100))
    assert all(result.passed for result in evaluations(platform).values())
    with platform.engine.begin() as connection:
        ids = [event.id for event in events.pending(connection)]
        events.record_failure(connection, ids, "the header was renamed", 1, waits_for={"course_statistics"})
    result = evaluations(platform)
    assert {name for name, check in result.items() if not check.passed} == {"course_statistics"}
    assert result["course_statistics"].metadata["events_set_aside"].value == len(ids)
    assert "the header was renamed" in str(result["course_statistics"].metadata["events"].value)
    with platform.engine.begin() as connection:
        events.retry(connection)
    assert all(check.passed for check in evaluations(platform).values())
