"""What a run says that left no record of its tabs."""

import dagster as dg

from sheets_pipeline.monitoring.unrecorded import _messages


@dg.job
def nothing() -> None:
    """A job."""


def test_what_dagster_says_in_several_lines_is_told_in_one() -> None:
    with dg.instance_for_test() as instance:
        run = instance.create_run_for_job(nothing)
        instance.report_run_failed(run, "It took too long to start.\nNo worker has taken it.")
        told = "It took too long to start. No worker has taken it. Its log in the Dagster UI tells more."
        assert _messages(instance, run.run_id) == {"": told}
