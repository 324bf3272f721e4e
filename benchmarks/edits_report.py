"""docs/measured/edits.md: what ``python -m benchmarks.edits`` measured, beside what is to be reached."""

from typing import Any


def render(about: dict[str, Any], arguments: dict[str, Any], result: dict[str, Any]) -> str:
    """The page."""
    single, together, bursts = result["single"], result["together"], result["bursts"]
    people, derived = arguments["people"], single["derived"]
    lines = [
        "# From an edit in the sheet to the database",
        "",
        "This page is written by `python -m benchmarks.edits`; do not edit it by hand. People type into the demo's editable",
        "columns on Local Sheets' page; the shipped Apps Script, HTTP, the ledger and the database are real, with Google's",
        "quotas and the limits of a Workspace account. Seconds are from the moment in which somebody presses Enter to the",
        "moment in which another connection to the database sees the value.",
        "",
        f"Measured on {about['date']}: {about['cores']} cores that everything shares, Local Sheets and the people too, "
        f"{about['memory_gib']} GiB, {about['system']}, Python {about['python']}; load {about['load']} at the start and "
        f"{about['load at the end']} at the end.",
        "",
        "| | edits | median | p95 | most | to reach |",
        "|---|---:|---:|---:|---:|---|",
        _line("One person, an edit every 5 s", single, "median 0.5, p95 1.0"),
        _line("Averages of a score in two other tabs, back in the sheet", derived, "p95 2.0"),
        _line(
            f"{people} people, each an edit every {arguments['pause']:g} s for {arguments['seconds'] / 60:g} minutes",
            together,
            "p95 2.0",
        ),
        _line(f"{arguments['bursts']} bursts of {people} edits within a second", bursts, "p95 2.0"),
        "",
        "| | final states | wrong |",
        "|---|---|---|",
        *(
            f"| {name} | {_counts(one['states'])} | {_counts(one['wrong']) or 'none'} |"
            for name, one in (("One person", single), ("Together", together), ("Bursts", bursts))
        ),
        "",
        "*Wrong* counts edits that are not in the ledger in exactly one final state, values of the database that no edit",
        "explains, and edits that are said to be applied and are not in the database's history of values. *Superseded*: the cell was",
        "typed over before the edit was applied.",
        "",
        "## Google's limits and the application",
        "",
    ]
    script, alone, beside = together["script"], result["application alone"], result["application beside"]
    lines += [
        f"- {script['executions']:,} executions of the script ({script['not completed']} refused or failed), at most "
        f"{script['most at once']} at once (Google: 30); {script['fetches']:,} fetches. At that pace a Workspace day's 6 h of "
        f"trigger time last {script['hours of such a day']} hours.",
        f"- Requests to the Sheets API refused for quota: {together['quota']['refused']}.",
        f"- Transactions of an application that writes 5 a second: median {_ms(alone['median'])}, p95 {_ms(alone['p95'])} alone; "
        f"median {_ms(beside['median'])}, p95 {_ms(beside['p95'])} while the {people} people edited.",
        "",
        *_paste_and_peer(result["paste"], result["peer"], single, bursts),
    ]
    return "\n".join(lines)


def _paste_and_peer(
    paste: dict[str, Any], peer: dict[str, Any], single: dict[str, Any], bursts: dict[str, Any]
) -> list[str]:
    reasons = "; ".join(f"{where}: {reason}" for where, reason in paste["reasons"].items())
    return [
        "## A paste of 1,000 rows and 3 columns, 3 cells of which cannot be taken",
        "",
        f"The database was right after {_s(paste['right'])} s (to reach: 5), the ledger named the three after {_s(paste['told'])} s, and "
        f"their cells showed the database's values again after {_s(paste['shown'])} s. Rejected: {reasons}.",
        "",
        "## Beside a queue that is polled",
        "",
        "A peer of our own making, after the description of a system that was studied: a message for one cell, a queue (of one "
        "process, in place of Redis), a worker that looks every 3 s. On the same machine, right after.",
        "",
        "| | ours, median | peer, median | ratio | ours, p95 | peer, p95 | peer, lost |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {_s(ours['median'])} | {_s(theirs['median'])} | {_ratio(theirs['median'], ours['median'])} | "
            f"{_s(ours['p95'])} | {_s(theirs['p95'])} | {theirs['missing']} of {theirs['edits']} |"
            for name, ours, theirs in (("Single edits", single, peer["single"]), ("A burst", bursts, peer["bursts"]))
        ),
        "",
        f"Of {peer['pasted']:,} cells pasted at once {peer['arrived']:,} reached the peer's database: events of several cells hold no "
        "value.",
        "",
    ]


def _ratio(theirs: float | None, ours: float | None) -> str:
    """How many times as long theirs took."""
    return f"{theirs / ours:.1f}" if theirs and ours else "-"


def _line(name: str, one: dict[str, Any], target: str) -> str:
    missing = f" ({one['missing']} not within 30 s)" if one.get("missing") else ""
    return f"| {name} | {one['edits']:,}{missing} | {_s(one['median'])} | {_s(one['p95'])} | {_s(one['most'])} | {target} |"


def _counts(counts: dict[Any, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _s(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"
