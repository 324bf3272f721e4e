"""What launcher and workers agree on: the broker, the task, and the queues.

Each version of the code has queues of its own, so a worker with other code never takes a run: one for runs of events, which
workers look at first, and one for all others. So has each label of hosts that a credential is bound to.
"""

from collections.abc import Collection

import dagster as dg
from celery import Celery
from kombu.entity import Exchange, Queue

from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG, HOSTS_TAG
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.settings import Settings

#: Name of the task: its one argument is a serialized ``ExecuteRunArgs`` without a reference to Dagster's storage, which holds passwords.
EXECUTE_RUN = "sheets_pipeline.execute_run"

#: Queues that nobody has used for so long go, in seconds; RabbitMQ's are for ever otherwise.
_UNUSED_SECONDS = 86_400.0

#: A broker that does not answer is tried again, by launcher and workers alike; none of them waits for it without end.
_CONNECT_SECONDS = 5.0

#: A process that is not ready for a run by then is replaced; Celery's own 4 s are too few while the database is away.
READY_SECONDS = 180


def celery_app(broker: str) -> Celery:
    """The Celery application of a broker (``redis://...``, ``amqp://...``).

    A run is acknowledged when it has ended, so that a worker takes no run before it has room for it: what it takes twice
    is executed once, see ``celery_worker.py``. Nobody asks Celery for results, Dagster's storage has them.
    """
    app = Celery("sheets_pipeline", broker=broker)
    app.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        worker_prefetch_multiplier=1,
        worker_proc_alive_timeout=READY_SECONDS,
        worker_max_tasks_per_child=1,  # a run has a process of its own, forked from one that has imported everything
        worker_pool="sheets_pipeline.dagster_runtime.celery_pool:OneRunEach",
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=_CONNECT_SECONDS,
        broker_transport_options={
            "queue_order_strategy": "priority",  # Redis: in the order in which a worker names them
            "socket_connect_timeout": _CONNECT_SECONDS,
            "socket_keepalive": True,
        },
    )
    return app


def broker_url(settings: Settings) -> str:
    """The broker's address.

    Raises:
        SettingsError: None is set.
    """
    if settings.celery_broker_url is None:
        raise SettingsError(
            "CELERY_BROKER_URL is not set. Runs on several hosts are handed out by a broker: set it to the address of "
            "your Redis (redis://HOST:6379/0) or RabbitMQ (amqp://USER:PASSWORD@HOST/), the same on every host."
        )
    return settings.celery_broker_url.get_secret_value()


def queues(version: str, hosts: str | None = None) -> tuple[Queue, Queue]:
    """Those of a version of the code, for every host or those of a label: runs of events, all other runs."""
    base = f"sheets_pipeline.{version}" + (f".at.{hosts}" if hosts else "")
    return _queue(f"{base}.events"), _queue(f"{base}.runs")


def queues_of_host(version: str, labels: Collection[str], *, events_only: bool = False) -> list[Queue]:
    """What a worker on a host with these labels takes, in its order: runs of events before all others."""
    pairs = [queues(version, label) for label in (None, *labels)]
    return [pair[0] for pair in pairs] + ([] if events_only else [pair[1] for pair in pairs])


def queue_of(run: dg.DagsterRun, version: str) -> Queue:
    """The queue that a run goes into."""
    of_events, of_others = queues(version, run.tags.get(HOSTS_TAG))
    return of_events if run.tags.get(AT_ONCE_TAG) == "true" else of_others


def _queue(name: str) -> Queue:
    return Queue(name, Exchange(name, type="direct"), routing_key=name, expires=_UNUSED_SECONDS)
