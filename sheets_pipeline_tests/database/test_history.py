"""The record of syncs, on every kind of database."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import history
from sheets_pipeline.errors import AccessDenied, GuardRefused
from sheets_pipeline.sync.numbers import Traffic
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.rows import SetAside


def report(seconds: float = 1.5, set_aside: int = 0) -> SyncReport:
    aside = [SetAside(f"key {i}", "too long") for i in range(set_aside)]
    traffic = Traffic(1, 2, 345, 0.25, refused_requests=6)
    made = SyncReport("grades", traffic=traffic, set_aside=aside)
    made.rows, made.inserts, made.updates, made.deletes, made.cells, made.seconds = 7, 3, 4, 5, 21, seconds
    return made


def sync(store: sa.Engine, tab: str = "grades", error: Exception | None = None, kind: history.Kind = "full") -> None:
    """One recorded sync, which succeeds or raises this error."""
    with history.recorded(store, "s1", tab, kind, "run-1") as recording:
        if error:
            raise error
        recording.report = report()


def fail(store: sa.Engine, error: Exception, tab: str = "grades") -> None:
    with pytest.raises(type(error)):
        sync(store, tab, error)


def test_a_sync_is_recorded_with_its_numbers_and_no_contents(store: sa.Engine) -> None:
    sync(store)
    [record] = history.recent(store)
    assert (record.tab, record.kind, record.run_id, record.outcome) == ("grades", "full", "run-1", "success")
    assert record.numbers == report().numbers
    assert record.ended_at
    assert abs(datetime.now(UTC) - record.ended_at) < timedelta(minutes=1)


def test_a_failure_is_recorded_with_its_remedy_and_raised_on(store: sa.Engine) -> None:
    fail(store, AccessDenied("Not shared. Press Share."))
    [record] = history.recent(store)
    assert (record.outcome, record.error_kind, record.error) == ("failed", "AccessDenied", "Not shared. Press Share.")
    assert record.needs_person is True


def test_a_refused_change_is_told_apart_from_a_failure(store: sa.Engine) -> None:
    fail(store, GuardRefused("grades", "60 of 60 rows would be deleted"))
    assert [record.outcome for record in history.recent(store)] == ["refused"]


def test_words_of_unexpected_errors_are_not_kept_as_they_may_quote_cells(store: sa.Engine) -> None:
    fail(store, KeyError("Emma's grade"))
    [record] = history.recent(store)
    assert record.error_kind == "KeyError"
    assert "Emma" not in str(record.error)


def test_a_sync_without_a_report_is_a_mistake_of_the_caller(store: sa.Engine) -> None:
    with pytest.raises(ValueError, match="without a report"), history.recorded(store, "s1", "grades", "full", "run-1"):
        pass


def test_recent_filters_by_tab_outcome_and_time(store: sa.Engine) -> None:
    sync(store)
    sync(store, "courses")
    fail(store, AccessDenied("no"))
    assert [r.tab for r in history.recent(store)] == ["grades", "courses", "grades"]
    assert [r.outcome for r in history.recent(store, tab="grades")] == ["failed", "success"]
    assert [r.tab for r in history.recent(store, outcome="success", limit=1)] == ["courses"]
    assert history.recent(store, since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert history.recent(store, spreadsheet_id="another") == []


def test_old_syncs_are_removed_and_younger_ones_stay(store: sa.Engine) -> None:
    sync(store)
    with store.begin() as connection:
        old = datetime.now(UTC) - timedelta(days=40)
        connection.execute(history.sync_history.update().values(started_at=old))
    sync(store)
    assert history.remove_before(store, datetime.now(UTC) - timedelta(days=30)) == 1
    assert len(history.recent(store)) == 1


def test_event_syncs_that_succeeded_can_be_removed_alone(store: sa.Engine) -> None:
    sync(store, kind="events")
    sync(store, kind="full")
    with pytest.raises(AccessDenied):
        sync(store, kind="events", error=AccessDenied("no"))
    later = datetime.now(UTC) + timedelta(seconds=60)
    assert history.remove_before(store, later, only_successful_events=True) == 1
    assert [(record.kind, record.outcome) for record in history.recent(store)] == [
        ("events", "failed"),
        ("full", "success"),
    ]


def test_a_tabs_history_counts_failures_since_its_last_success(store: sa.Engine) -> None:
    fail(store, AccessDenied("first"))
    sync(store)
    fail(store, AccessDenied("second"))
    fail(store, GuardRefused("grades", "third"))
    tab_history = history.tab_histories(store, ["s1"])["s1", "grades"]
    assert (tab_history.total_syncs, tab_history.successful_syncs, tab_history.failed_syncs) == (4, 1, 3)
    assert tab_history.consecutive_failures == 2
    assert tab_history.last_error
    assert "third" in tab_history.last_error.message
    assert (tab_history.last_duration_seconds, tab_history.average_duration_seconds) == (1.5, 1.5)
    assert history.tab_histories(store, ["another"]) == {}


def test_rows_set_aside_are_those_of_the_last_full_sync(store: sa.Engine) -> None:
    with history.recorded(store, "s1", "grades", "full", "run-1") as recording:
        recording.report = report(set_aside=2)
    sync(store, kind="events")
    assert history.tab_histories(store, ["s1"])["s1", "grades"].set_aside_rows == 2


def test_a_sync_whose_process_died_counts_as_failed_once_it_is_marked(store: sa.Engine) -> None:
    dead = history.begin(store, "s1", "grades", "full", "run-9")
    assert history.under_way(store) == {dead: "run-9"}
    assert history.tab_histories(store, ["s1"])["s1", "grades"].consecutive_failures == 0
    ended = history.begin(store, "s1", "courses", "full", "run-9")
    history.complete(store, ended, report())  # since it was found under way
    history.mark_dead(store, [dead, ended])
    assert [record.outcome for record in history.recent(store, tab="courses")] == ["success"]
    history.complete(store, history.begin(store, "s1", "courses", "full", "run-9"), report())
    assert history.under_way(store) == {}
    tab_history = history.tab_histories(store, ["s1"])["s1", "grades"]
    assert (tab_history.consecutive_failures, tab_history.failed_syncs) == (1, 1)
    assert tab_history.last_error
    assert "process died" in tab_history.last_error.message


def test_runs_that_wrote_one_tab_have_reached_the_spreadsheet(store: sa.Engine) -> None:
    sync(store)
    with pytest.raises(AccessDenied), history.recorded(store, "s1", "grades", "full", "run-2"):
        raise AccessDenied("no")
    assert history.reached_in(store, "s1", ["run-1", "run-2", "run-3"]) == {"run-1"}
    assert history.reached_in(store, "another", ["run-1"]) == set()
