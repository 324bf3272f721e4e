"""The page of the latency benchmark."""

from collections.abc import Mapping
from typing import Any

_TITLES = {"ours": "this project", "stock": "stock Dagster"}


def render(about: Mapping[str, Any], results: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    patterns = {
        "single": f"one about every 5 s ({arguments['submissions']})",
        "stream": f"{arguments['per_second']:g} per second for {arguments['seconds']:g} s",
    }
    latencies = [str(latency) for latency in arguments["latency"]]
    lines = [
        "# From the commit of a submission to the cell",
        "",
        "Seconds from the commit of a quiz submission to its counts being readable through the Sheets API, in two of the",
        "three tabs that it touches. Embedded default, `dagster dev`: real triggers, sensor daemon, Dagster runs, and",
        "Local Sheets with 60 reads and 60 writes a minute, which waits so many milliseconds before it carries out a",
        "request of the pipeline (Google takes about 300). Measured by `python -m benchmarks.latency`.",
        "",
        "| submissions | ms per request | | median | 95th percentile | longest | not readable |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for latency in latencies:
        for pattern, title in patterns.items():
            for variant, result in results.items():
                row = result[latency][pattern]
                figures = f"{row['median']:.2f} | {row['p95']:.2f} | {row['max']:.2f} | {row['missing']}"
                lines.append(f"| {title} | {latency} | {_TITLES[variant]} | {figures} |")
    lines += [
        "",
        "Stock Dagster is the same project with the default run launcher and queue, and with a sensor that looks and",
        "returns instead of waiting (as often as the daemon allows: every 5 s, not the default 30 s).",
        "",
        "## Where the time goes",
        "",
        "Median seconds per stage, of single submissions for which a run was started. (A submission that comes while the",
        "run of an earlier one still listens needs no run.)",
        "",
    ]
    rows = [
        (variant, latency, result[latency]["stages"]) for latency in latencies for variant, result in results.items()
    ]
    stages = list(dict.fromkeys(stage for _, _, seconds in rows for stage in seconds))
    lines += ["| | ms per request | " + " | ".join(stages) + " |", "|---|---:|" + "---:|" * len(stages)]
    for variant, latency, seconds in rows:
        figures = " | ".join(f"{seconds[stage]:.2f}" if stage in seconds else "" for stage in stages)
        lines.append(f"| {_TITLES[variant]} | {latency} | {figures} |")
    lines += ["", "## Machine", ""]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in about.items()]
    return "\n".join(lines) + "\n"
