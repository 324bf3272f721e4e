"""When a child of `sheets-pipeline dev` is replaced."""

import pytest

from sheets_pipeline.embedded import supervision
from sheets_pipeline.embedded.supervision import Answer, Step, Watched

OK, ABSENT, BROKEN, SILENT = Answer.OK, Answer.ABSENT, Answer.BROKEN, Answer.SILENT


@pytest.mark.parametrize(
    ("seen", "now", "step"),
    [
        pytest.param([], 100, Step.LEAVE, id="still starting"),
        pytest.param([], 181, Step.REPLACE, id="never started"),
        pytest.param([(1, ABSENT)], 100, Step.LEAVE, id="not listening yet"),
        pytest.param([(1, BROKEN)], 10, Step.REPLACE, id="broken from the start"),
        pytest.param([(1, SILENT)], 10, Step.LEAVE, id="slow to start"),
        pytest.param([(1, SILENT)], 16, Step.REPLACE, id="hangs from the start"),
        pytest.param([(5, OK)], 1000, Step.LEAVE, id="works"),
        pytest.param([(5, OK), (10, BROKEN)], 11, Step.LEAVE, id="reloads"),
        pytest.param([(5, OK), (10, BROKEN)], 12, Step.REPLACE, id="broken"),
        pytest.param([(5, OK), (10, BROKEN), (11, BROKEN)], 12, Step.REPLACE, id="still broken"),
        pytest.param([(5, OK), (10, ABSENT)], 12, Step.REPLACE, id="lives and does not listen"),
        pytest.param([(5, OK), (10, SILENT)], 24, Step.LEAVE, id="waits for the processor"),
        pytest.param([(5, OK), (10, SILENT)], 25, Step.REPLACE, id="hangs"),
        pytest.param([(5, OK), (10, SILENT), (20, OK)], 30, Step.LEAVE, id="came back"),
    ],
)
def test_a_running_process_is_replaced_when_it_does_not_do_its_work(
    seen: list[tuple[float, Answer]], now: float, step: Step
):
    watched = Watched(started_at=0)
    for at, answer in seen:
        watched.saw(answer, at)
    assert watched.next_step(None, now)[0] is step


@pytest.mark.parametrize(
    ("was_ready", "is_essential", "exit_code", "step"),
    [
        pytest.param(False, True, 1, Step.GIVE_UP, id="cannot start"),
        pytest.param(False, True, -9, Step.REPLACE, id="killed while starting"),
        pytest.param(False, False, 1, Step.REPLACE, id="not essential"),
        pytest.param(True, True, 1, Step.REPLACE, id="crashed"),
        pytest.param(True, True, 0, Step.REPLACE, id="ended"),
    ],
)
def test_a_process_that_ended_is_replaced_unless_it_cannot_start(
    was_ready: bool, is_essential: bool, exit_code: int, step: Step
):
    watched = Watched(started_at=0, is_essential=is_essential)
    if was_ready:
        watched.saw(OK, 1)
    assert watched.next_step(exit_code, 5)[0] is step


def test_pauses_between_failing_starts_grow_and_end_with_the_first_answer():
    watched = Watched(started_at=0, is_essential=False)
    now, pauses = 0.0, []
    for _ in range(8):
        started = now
        while watched.next_step(1, now)[0] is Step.LEAVE:
            now += 0.5
        pauses.append(now - started)
        watched.restarted(now)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    watched.saw(OK, now)
    assert watched.next_step(-9, now)[0] is Step.REPLACE
    watched.restarted(now)
    assert watched.failed_starts == 0


def test_a_reason_says_what_was_seen_and_for_how_long():
    watched = Watched(started_at=0)
    watched.saw(SILENT, 10)
    assert watched.next_step(None, 10 + supervision.SILENT_SECONDS) == (Step.REPLACE, "does not answer (for 15 s)")
    assert watched.next_step(-9, 30)[1] == "ended by itself with exit code -9"
