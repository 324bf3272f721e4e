"""The page of ``benchmarks.hosts``."""

from typing import Any

_PAGE = """# Three hosts, of which one fails

Made by `python -m benchmarks.hosts` on {date}: {cores} cores ({processor}), Python {python}, load {load} at the start. Three hosts, each a
network namespace with a host name and a /tmp of its own, share these cores with PostgreSQL, Redis and Local Sheets, which keeps Google's
limits. Each host runs a code server, `sheets-pipeline daemon` and a worker with room for two runs.

A quiz is submitted every second, to three hosts; before that to two, now and then: a run of `event_sync` stays for 10 s after the last event, so
of those every 5 s most find one that waits for them, and those every 20 s none. What fails stays so for 45 seconds, Redis for 10, PostgreSQL for 3. *Seconds* are from the commit to the
cells of two tabs; *recovery* is the longest that anything committed before or during the fault was not shown, counted from the fault on.
*Right*: afterwards every row of all four tabs stands once and says what the database says. *Out of turn*: writes that the spreadsheet
refused because another host had written meanwhile.

| what happens | submissions | median | p95 | longest | never shown | recovery | right | doubled | reads, writes in a minute | 429 | out of turn |
|---|---|---|---|---|---|---|---|---|---|---|---|
{rows}
"""


def render(about: dict[str, Any], results: dict[str, dict[str, Any]]) -> str:
    """The whole page."""
    rows = [
        f"| {name} | {one['submissions']} | {one['median']} | {one['p95']} | {one['max']} | {one['missing']} | {one['recovery']} s | "
        f"{'yes' if one['right'] else 'NO'} | {one['doubled']} | {one['reads']}, {one['writes']} | {one['refused']} | {one['out_of_turn']} |"
        for name, one in results.items()
    ]
    return _PAGE.format(**about, rows="\n".join(rows))
