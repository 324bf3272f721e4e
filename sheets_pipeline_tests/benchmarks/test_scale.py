"""The simulation of many spreadsheets keeps Google's limits, takes the time that work takes, and misses no submission."""

from dataclasses import replace

import pytest

from benchmarks import scale_simulation
from benchmarks.scale_plan import Cost, Costs, Plan, costs_of_rounds
from benchmarks.scale_report import compared, is_near, use_of_quota
from benchmarks.scale_simulation import Clock, Outcome, Processor, Setting, Simulation, percentile

FREE = Costs(Cost(), Cost(), Cost(), Cost(), Cost(), latency_seconds=0.1)


def costs(spreadsheet_seconds: float) -> Costs:
    """All else costs nothing."""
    return Costs(Cost(), Cost(spreadsheet_seconds), Cost(), Cost(), Cost(), latency_seconds=0.1)


def simulated(plan: Plan, costs: Costs, setting: Setting) -> Outcome:
    return Simulation(plan, costs, setting).run()


def test_each_submission_is_shown_once():
    costs = replace(FREE, commit=Cost(transactions=2.0), standing=Cost(transactions=100.0))
    outcome = simulated(Plan(4, 10, 1, 1, 2.0), costs, Setting(seconds=10, goes_on=False))
    assert len(outcome.lags) == 20
    assert min(outcome.lags) > 0
    assert outcome.application.transactions == 40
    # also of seconds in which nothing is done; without the third that looks for events, while some are pending
    assert 200 / 3 * outcome.seconds < outcome.spent.transactions < 100 * outcome.seconds


def test_a_spreadsheet_waits_for_room_in_the_budget_of_its_credential():
    plan = Plan(80, 10, 1, 1, 80.0)
    outcome = simulated(plan, FREE, Setting(seconds=1, goes_on=False))
    assert outcome.requests["write", 0] > 60  # some spreadsheets in two rounds
    assert percentile(outcome.lags, 0.5) < 10  # the first sixty at once ...
    assert 60 < max(outcome.lags) < 125  # ... the others a minute later


def test_credentials_of_one_project_share_its_budget(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scale_simulation, "PER_PROJECT", 30)
    setting = Setting(seconds=1, goes_on=False)
    assert max(simulated(Plan(60, 10, 2, 1, 60.0), FREE, setting).lags) > 60
    assert max(simulated(Plan(60, 10, 2, 2, 60.0), FREE, setting).lags) < 60


def test_a_slow_processor_binds_before_quota():
    plan = Plan(20, 10, 10, 2, 20.0)
    setting = Setting(seconds=2, counted_from=45)
    outcome = simulated(plan, costs(2.0), setting)
    assert outcome.rounds[0] == pytest.approx(40, rel=0.1)  # twenty spreadsheets, two seconds each
    assert use_of_quota(plan, 1, outcome) < 0.1
    parts = simulated(plan, costs(2.0), replace(setting, event_runs=4))
    assert max(parts.rounds) < 25
    assert len(parts.lags) == len(outcome.lags)
    assert max(parts.lags) < max(outcome.lags)


def test_a_busy_application_is_made_way_for_as_the_governor_says():
    plan = Plan(2, 10, 2, 1, 60.0)
    at_once = simulated(plan, costs(0.2), Setting(seconds=5, goes_on=False))
    shy = simulated(plan, costs(0.2), Setting(seconds=5, goes_on=False, work_share=0.1, interval_seconds=300))
    assert at_once.made_way_seconds == 0
    assert shy.made_way_seconds > 4


def test_a_processor_works_for_one_at_a_time():
    processor = Processor(Clock())
    assert [processor.work(2), processor.work(3)] == [2, 5]


def test_costs_come_from_three_rounds():
    of_round, spreadsheet, submission = Cost(1.0, 0.5, 9.0), Cost(0.2, 0.1, 30.0), Cost(0.01, 0.002, 1.0)

    def cost(number: int, each: int) -> Cost:
        return of_round + spreadsheet * number + submission * (number * each)

    told = costs_of_rounds(cost(10, 1), 10, cost(100, 1), 100, cost(100, 12), 12)
    for one, wanted in zip(told, (of_round, spreadsheet, submission), strict=True):
        assert (one.pipeline, one.database, one.transactions) == pytest.approx(
            (wanted.pipeline, wanted.database, wanted.transactions)
        )


def test_what_is_more_than_a_fifth_off_is_told():
    assert is_near(100, 119)
    assert is_near(100, 81)
    assert not is_near(100, 121)
    assert not is_near(100, 79)
    assert not is_near(0, 1)
    real = {"lags": [1.0], "reads": 1, "writes": 1, "transactions": 1, "pipeline": 1.0, "database": 1.0}
    assert {name for name, was, said, *_ in compared(real, Outcome(0)) if is_near(was, said)} == set()


def test_a_tenth_has_a_tenth_of_everything_but_rows():
    assert Plan().part(10) == Plan(100, 2000, 2, 1, 20.0)
    assert Plan().granted_per_minute == 1200
    assert Plan().part(10).granted_per_minute == 120
