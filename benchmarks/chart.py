"""The chart of docs/measured/benchmarks.md; run in the environment of the other tools, which has matplotlib.

python -m benchmarks.chart RESULTS.json CHART.svg
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from benchmarks.figures import OURS, Figure, figures

_SCENARIOS = {"first-load": "first load", "no-change": "no change", "few-changes": "20 changes", "one-percent": "1 %"}
_OURS_COLOUR = "#0b57d0"
_OTHERS = ["#8a9a5b", "#c9a227", "#b5651d", "#7d5ba6", "#5b8a8a", "#a65b6b"]


def main(results: Path, chart: Path) -> None:
    """Draw seconds and cells sent, by scenario and tool, for the largest size."""
    all_figures = figures(json.loads(results.read_text())["measured"])
    rows = max(figure.rows for figure in all_figures)
    shown = [figure for figure in all_figures if figure.rows == rows and not figure.was_ended]
    matplotlib.rcParams.update({"svg.hashsalt": "benchmarks", "font.size": 9, "svg.fonttype": "none"})
    drawing, axes = pyplot.subplots(1, 2, figsize=(11, 4.2))
    _bars(axes[0], shown, "seconds", lambda figure: figure.seconds)
    _bars(axes[1], shown, "cells sent", lambda figure: figure.middle("cells"))
    axes[0].legend(fontsize=7.5)
    drawing.suptitle(f"{rows:,} rows × 10 columns; less is better, logarithmic scales")
    drawing.tight_layout()
    drawing.savefig(chart, metadata={"Date": None})


def _bars(axes: Axes, shown: list[Figure], title: str, value: Callable[[Figure], float]) -> None:
    peers = list(dict.fromkeys(figure.peer for figure in shown))
    width = 0.85 / len(peers)
    others = iter(_OTHERS)
    for place, peer in enumerate(peers):
        heights = {figure.scenario: value(figure) for figure in shown if figure.peer == peer}
        places = [i + place * width for i, name in enumerate(_SCENARIOS) if name in heights]
        bars = axes.bar(
            places,
            [heights[name] for name in _SCENARIOS if name in heights],
            width,
            label=peer,
            color=_OURS_COLOUR if peer == OURS else next(others),
        )
        if peer == OURS:
            axes.bar_label(bars, fmt="{:,.3g}", fontsize=7)
    axes.set_yscale("symlog" if title == "cells sent" else "log")
    axes.set_xticks([i + 0.4 for i in range(len(_SCENARIOS))], list(_SCENARIOS.values()))
    axes.set_title(title)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
