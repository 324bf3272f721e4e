"""``sheets-pipeline worker``: executes runs that a Dagster on another host, or on this one, has handed to the broker."""

import sys
from pathlib import Path

import click

from sheets_pipeline.cli.logged import take_output


@click.command()
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="So many runs at once, at most."
)
@click.option("--events-only", is_flag=True, help="Take runs of events alone, so that they never wait for a full sync.")
@click.option(
    "--alive-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file that is touched every few seconds, for a liveness probe of Kubernetes.",
)
@click.option("--name", help="What logs call it. Without it, the host's name and the process.")
def worker(concurrency: int, events_only: bool, alive_file: Path | None, name: str | None) -> None:
    """Execute runs that the broker (CELERY_BROKER_URL) hands out, until SIGTERM; then it ends once they have ended.

    For several hosts, with the launcher of docs/run/many-hosts.md in dagster.yaml. A worker takes runs of its own version of code
    and declarations alone, and is followed by another one when either changes or when it dies.
    """
    take_output("worker")
    from sheets_pipeline.dagster_runtime.worker_host import run_worker

    sys.exit(run_worker(concurrency, name, events_only=events_only, alive_file=alive_file, say=click.echo))
