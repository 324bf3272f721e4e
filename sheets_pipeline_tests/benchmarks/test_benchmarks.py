"""The benchmarks measure what they say: same data for all, damage is seen, ours runs through every scenario."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.chain import Chain, changed_cells
from benchmarks.data import COLUMNS, frame
from benchmarks.figures import figures
from benchmarks.judge import judge, serial
from benchmarks.load import ratios
from benchmarks.peers import PEERS
from benchmarks.report import render
from benchmarks.scenarios import SCENARIOS
from benchmarks.targets import time_compare
from benchmarks.tool_process import ToolProcess
from local_sheets.testing import LocalSheetsServer


def grid_of(rows: pd.DataFrame) -> list[list[object]]:
    """The grid of a tab that holds exactly these rows."""
    cells = rows.assign(seen_at=[serial(moment) for moment in rows["seen_at"].tolist()]).astype(object)
    return [list(COLUMNS), *cells.where(rows.notna(), "").to_numpy().tolist()]


def test_the_changes_are_as_many_as_the_scenario_says() -> None:
    before, after = frame(1000), frame(1000, ["few"])
    assert len(set(before["id"]) - set(after["id"])) == 5
    assert len(set(after["id"]) - set(before["id"])) == 5
    assert changed_cells(before, after) == 10 + 5 * 10
    assert changed_cells(before, frame(1000, ["percent"])) == 10 * 2
    assert frame(1000, ["few"]).equals(frame(1000, ["few"]))


def test_a_right_grid_is_right_in_any_order_of_rows() -> None:
    wanted = frame(100, ["few"])
    header, *rows = grid_of(wanted)
    assert judge([header, *reversed(rows)], wanted).is_right


def test_every_kind_of_damage_is_seen() -> None:
    wanted = frame(100)
    header, *rows = grid_of(wanted)
    rows[3] = [*rows[3][:4], 4, *rows[3][5:]]  # 00000004 became a number
    rows[4] = [*rows[4][:6], str(rows[4][6]), *rows[4][7:]]  # an amount kept as text
    rows[5] = [*rows[5][:9], str(wanted["seen_at"][5])]  # a moment kept as text
    verdict = judge([header, *rows[1:], rows[9], [999]], wanted)
    assert (verdict.lost, verdict.doubled, verdict.left_over) == (1, 1, 1)
    assert dict(verdict.wrong) == {"code": 1}
    assert dict(verdict.untyped) == {"amount": 1, "seen_at": 1}
    assert judge([], wanted).lost == 100


def test_ours_runs_through_every_scenario_without_faults(
    local_sheets: LocalSheetsServer,
    database_url: str,
    tmp_path: Path,
) -> None:
    ours, scenarios = PEERS[0], [scenario for scenario in SCENARIOS if not scenario.faults]
    with (
        (tmp_path / "log").open("w") as log,
        ToolProcess(Path(sys.executable), ours.module, log, tmp_path) as process,
    ):
        measured = Chain(local_sheets, process, ours, 120, database_url, 30).run(scenarios, lambda _: None)
    assert [one.scenario for one in measured] == [scenario.name for scenario in scenarios]
    assert all(one.verdict["is_right"] for one in measured), measured
    by_name = {one.scenario: one for one in measured}
    assert (by_name["no-change"].reads, by_name["no-change"].writes) == (1, 0)
    assert by_name["few-changes"].cells == by_name["few-changes"].cells_to_change
    harmed = by_name["people"].harmed
    assert harmed is not None
    assert harmed["of_each"] > 50
    assert harmed["notes"] == harmed["formulas"] == harmed["colours"] == 0
    results = {
        "machine": dict.fromkeys(
            ("date", "cores", "processor", "memory_gib", "system", "python", "load", "minutes"), "?"
        ),
        "versions": {},
        "compared": time_compare(rows=500, runs=1),
        "measured": [one.as_json() for one in measured],
    }
    page = render(results)
    assert "| Nothing changed, 120 rows: 1 read, 0 writes | 1 read, 0 writes | yes |" in page
    assert all(scenario.title in page for scenario in scenarios)


def test_ratios_are_to_ours_of_the_same_size() -> None:
    def run(peer: str, rows: int, seconds: float) -> dict[str, object]:
        return {"peer": peer, "rows": rows, "scenario": "no-change", "seconds": seconds}

    measured = [run("sheets_pipeline", 10, 2.0), run("other", 10, 5.0), run("other", 10, 7.0), run("other", 99, 1.0)]
    ratios = {(figure.peer, figure.rows): figure.ratio for figure in figures(measured)}
    assert ratios == {("sheets_pipeline", 10): 1.0, ("other", 10): 3.0, ("other", 99): None}
    assert np.isclose(figures(measured)[1].seconds, 6.0)


def test_the_interval_of_a_ratio_holds_it_and_shows_how_far_turns_differ() -> None:
    chance = np.random.default_rng(1)
    alone = [chance.lognormal(0.0, 0.3, 100).tolist() for _ in range(12)]
    slower = [[2 * seconds for seconds in turn] for turn in alone]
    assert ratios(alone, alone) == [(1.0, 1.0, 1.0)] * 3
    assert np.allclose(ratios(alone, slower), 2.0)
    drifting = [[(1 + number % 3) * seconds for seconds in turn] for number, turn in enumerate(alone)]
    for ratio, low, high in ratios(alone, drifting):
        assert 1 < low < ratio < high < 4
