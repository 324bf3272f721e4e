"""docs/measured/benchmarks.md, written from the results of a run."""

from typing import Any

from benchmarks.figures import OURS, Figure, describe, figures
from benchmarks.peers import PEERS, Peer
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.targets import targets


def render(results: dict[str, Any]) -> str:
    """The whole page."""
    all_figures = figures(results["measured"])
    scenarios = [s for s in SCENARIOS if any(figure.scenario == s.name for figure in all_figures)]
    parts = [
        _introduction(results),
        _targets(all_figures, results),
        "![Seconds and cells sent by tool](benchmarks.svg)\n",
        _tools(results),
        *(_scenario(scenario, all_figures) for scenario in scenarios),
    ]
    return "\n".join(part for part in parts if part)


def _introduction(results: dict[str, Any]) -> str:
    machine = results["machine"]
    return f"""# Benchmarks

This page is written by `make bench`; do not edit it by hand. This project's writer and other tools keep the same tab
equal to the same frame (10 columns: an integer key, five texts, a decimal, a percentage, a truth value, a moment), in
turn, on the same machine, against the same server: Local Sheets, which answers as Google's API does.

Measured on {machine["date"]}: {machine["cores"]} cores ({machine["processor"]}), {machine["memory_gib"]} GiB,
{machine["system"]}, Python {machine["python"]}, load {machine["load"]} at the start, {machine["minutes"]} minutes in all.

How to read it:

- **reads, writes, cells, MB** are counted by the server. A cell counts once for its value, once when it is cleared and
  once when its number format is set.
- **seconds**: wall time of one sync in a fresh process, from opening the spreadsheet to the end; imports and the making
  of the frame are not in it; median of the runs. **× ours** is the ratio to our seconds in the same run. Local Sheets
  answers from memory; Google's own time for a request comes on top for every tool, so fewer requests are worth more there.
- **at quota**: the shortest time that Google's quota of 60 reads and 60 writes per minute allows; computed from the
  requests. A tool that does not keep to the quota is answered 429 instead.
- **memory**: largest resident size of the tool's process. Ours also has PostgreSQL beside it, which is not counted.
- **right**: every row once, every cell with its value and type: `007` is a text, a date is a date.
"""


def _targets(all_figures: list[Figure], results: dict[str, Any]) -> str:
    lines = ["## Targets\n", "| Target | Measured | Reached |", "|---|---|---|"]
    lines += [
        f"| {target.wanted} | {target.result} | {'yes' if target.is_reached else '**no**'} |"
        for target in targets(all_figures, results["compared"])
    ]
    return "\n".join(lines) + "\n"


def _tools(results: dict[str, Any]) -> str:
    lines = ["## Tools\n", "| Tool | Version | Used as |", "|---|---|---|"]
    for peer in PEERS:
        version = results["versions"].get(peer.package, "this checkout")
        lines.append(f"| {_name(peer.name)} | {version} | {peer.mode} |")
    return "\n".join(lines) + "\n"


def _name(peer: str) -> str:
    return f"**{peer}**" if peer == OURS else peer


def _scenario(scenario: Scenario, all_figures: list[Figure]) -> str:
    mine = [figure for figure in all_figures if figure.scenario == scenario.name]
    has_people, has_faults = scenario.has_people, bool(scenario.faults)
    columns = ["rows", "tool", "reads", "writes", "cells", "MB sent", "MB received", "seconds", "runs", "× ours"]
    columns += ["at quota", "memory", "right"]
    columns += ["notes, formulas, colours harmed"] if has_people else []
    columns += ["tries", "between the tries"] if has_faults else []
    lines = [f"## {scenario.title}\n", f"| {' | '.join(columns)} |"]
    lines.append("|---:|---|" + "---:|" * 10 + "---|" + "---|" * has_people + "---:|---|" * has_faults)
    for rows in dict.fromkeys(figure.rows for figure in mine):
        by_peer = {figure.peer: figure for figure in mine if figure.rows == rows}
        for peer in PEERS:
            if peer.name in by_peer:
                lines.append(_row(by_peer[peer.name], has_people, has_faults))
            elif reason := _why_not_run(peer, rows, all_figures):
                lines.append(f"| {rows:,} | {_name(peer.name)} | not run: {reason} |")
    return "\n".join(lines) + "\n"


def _row(figure: Figure, has_people: bool, has_faults: bool) -> str:
    name = _name(figure.peer)
    if figure.was_ended:
        return f"| {figure.rows:,} | {name} | ended: {figure.runs[-1]['error']} |"
    worst = figure.worst
    cells = [
        f"{figure.rows:,}",
        name,
        *(f"{figure.middle(count):,.0f}" for count in ("reads", "writes", "cells")),
        *(f"{figure.middle(count) / 1e6:,.2f}" for count in ("bytes_sent", "bytes_received")),
        f"{figure.seconds:.2f}",
        str(len(figure.runs)),
        "" if figure.ratio is None or figure.peer == OURS else f"{figure.ratio:.1f}",
        f"{figure.quota_seconds:,.0f} s" if figure.quota_seconds > 60 else "",
        f"{figure.peak_memory_mb:,.0f}",
        describe(worst["verdict"]),
    ]
    if has_people:
        harmed = worst["harmed"]
        cells.append(f"{harmed['notes']}, {harmed['formulas']}, {harmed['colours']} of {harmed['of_each']} each")
    if has_faults:
        cells += [str(max(run["attempts"] for run in figure.runs)), _between(worst)]
    return f"| {' | '.join(cells)} |"


def _between(run: dict[str, Any]) -> str:
    if run["meanwhile"] is None:
        return ""
    if run["meanwhile"]["rows"] == 0:
        return "the tab was empty"
    words = describe(run["meanwhile"])
    return "all was written" if words == "yes" else words.removeprefix("no: ")


def _why_not_run(peer: Peer, rows: int, all_figures: list[Figure]) -> str:
    if peer.most_rows and rows > peer.most_rows:
        return peer.limit.format(rows=rows, hours=rows / 60 / 60)
    others = [figure for figure in all_figures if (figure.peer, figure.rows) == (peer.name, rows)]
    if not others:
        return ""
    seconds = sum(run["seconds"] or 0 for figure in others for run in figure.runs[:1])
    return f"this tool's scenarios before took {seconds:.0f} s together; the rest was left out for lack of time"
