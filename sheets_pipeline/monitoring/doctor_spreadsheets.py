"""What the doctor looks at beyond the default spreadsheet: those with a name, and those of lists.

It sends them no request, as there may be hundreds: their addresses and keys are looked at, and the record of their syncs.
"""

from collections.abc import Iterator

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database import history
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.monitoring.doctor import Finding, fail, ok
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.pipeline import Pipeline, is_here
from sheets_pipeline.runs.gate import spreadsheet_circuit
from sheets_pipeline.runs.targets import Target, targets
from sheets_pipeline.sync.spreadsheet import DEFAULT

_NAMED = 5


def other_spreadsheets(facts: Facts) -> Finding:
    """Every other spreadsheet that tabs stand in has an address and a key, and was reached when it was last written."""
    pipeline = Pipeline(facts.settings, facts.services)
    places: dict[str, Target] = {}
    problems: dict[str, str] = {}
    for tab_asset in tab_assets().values():
        if tab_asset.problem is not None or tab_asset.tab.spreadsheet == DEFAULT:
            continue
        try:
            places |= {one.spreadsheet.name: one for one in targets(pipeline, tab_asset)}
        except SheetsPipelineError as error:
            problems[str(error)] = str(error)
    if not places and not problems:
        return ok("no tab stands in one")
    problems |= {name: f"{name}: {text}" for name, one in places.items() for text in _wrong_with(one)}
    written = sum(_is_known(one) for one in places.values())
    if not problems:
        waiting = f", {len(places) - written} not yet written" if written < len(places) else ""
        return ok(f"{len(places)} spreadsheets{waiting}")
    told = [*problems.values()]
    more = [f"And {len(told) - _NAMED} more: `sheets-pipeline status`."] if len(told) > _NAMED else []
    text = f"{len(told)} of {len(places)} spreadsheets cannot be kept in step. {' '.join([*told[:_NAMED], *more])}"
    return fail(text, "The others are. Mend these, or ask their owners to.")


def _wrong_with(one: Target) -> Iterator[str]:
    owner = f" Its owner is {one.spreadsheet.owner}." if one.spreadsheet.owner else ""
    if one.spreadsheet.problem is not None:
        yield f"{one.spreadsheet.problem}{owner}"
        return
    try:
        if is_here(one.spreadsheet.credential, one.pipeline.settings):
            _ = one.pipeline.identity
    except SheetsPipelineError as error:
        yield f"{error}{owner}"
        return
    breaker = spreadsheet_circuit(one.pipeline)
    if breaker.state != "closed":
        yield f"{breaker.reason} {breaker.remedy or ''}".strip() + owner


def _is_known(one: Target) -> bool:
    return one.spreadsheet.problem is None and bool(history.newest_runs(one.pipeline.state, one.spreadsheet.id, 1))
