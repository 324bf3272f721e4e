"""``sheets-pipeline doctor``: the report, line by line as checks end, or as JSON."""

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from sheets_pipeline.terminal import Screen, escape

if TYPE_CHECKING:
    from sheets_pipeline.monitoring.doctor import Result

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def doctor(as_json: bool) -> None:
    """Check settings, databases, credentials, spreadsheet and clocks; say what to do. Exit code 1 if anything fails."""
    from sheets_pipeline.monitoring.doctor import Level, Result, examine
    from sheets_pipeline.monitoring.doctor_checks import CHECKS
    from sheets_pipeline.monitoring.doctor_facts import Facts

    facts = Facts()
    results: list[Result] = []
    for result in examine(CHECKS, facts, facts.secrets):
        results.append(result)
        if not as_json:
            _print(result)
    levels = Counter(result.finding.level for result in results)
    if as_json:
        click.echo(json.dumps({"ok": not levels[Level.FAIL], "checks": [result.as_json() for result in results]}))
    else:
        click.echo(", ".join(f"{levels[level]} {level}" for level in Level if levels[level]))
    sys.exit(1 if levels[Level.FAIL] else 0)


def _print(result: "Result") -> None:
    """One line, and the remedy below it."""
    console = Screen(soft_wrap=True, highlight=False)
    finding = result.finding
    console.print(f"[{_COLOURS[finding.level]}]{finding.level:<7}[/] {result.name:<18} {escape(finding.message)}")
    if finding.remedy:
        console.print(f"{'':<26} → {escape(finding.remedy)}")
