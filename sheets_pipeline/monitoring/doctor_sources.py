"""What the doctor looks at where sources are declared: whether they can be used, are read, stored, and told of."""

from datetime import UTC, datetime

from sheets_pipeline.components.tab_asset import declared_sources
from sheets_pipeline.database import source_notices, source_tasks
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.monitoring.doctor import Finding, fail, ok, warn
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.sources.judging import judged
from sheets_pipeline.sources.showing import counts
from sheets_pipeline.sources.stores import open_store


def sources(facts: Facts) -> Finding:
    """Each source can be used and is read in time; their store answers; others hear of changes."""
    declared = declared_sources()
    if not declared:
        return ok("no source is declared")
    if broken := [str(one.problem) for one in declared if one.problem is not None]:
        return fail(" ".join(broken[:5]), "Correct the declaration; `sheets-pipeline source check` looks again.")
    try:
        open_store(facts)
    except SheetsPipelineError as error:
        return fail(f"the store cannot be reached: {error}")
    tasks = source_tasks.latest(facts.state)
    wrong = {one.check: one for one in judged(declared, tasks, datetime.now(UTC)) if one.wrong}
    numbers = counts(facts.state, declared) or {}
    text = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items() if number)
    if (unread := wrong.get("sources_can_be_read")) is not None:
        return warn(f"{text}. {unread.told}", "`sheets-pipeline source status` shows all of them.")
    if (late := wrong.get("sources_are_fresh")) is not None:
        return warn(f"{text}. {late.told}", "Is the sensor due_sources on, and does Dagster's daemon run?")
    if (held := wrong.get("columns_are_as_before")) is not None:
        return warn(
            f"{text}. {held.told}", "Look at the source; `sheets-pipeline source accept ID` takes what is held back."
        )
    if untold := source_notices.untold(facts.state):
        told = " ".join(f"{name}: {why}" for name, why in [*untold.items()][:5])
        return warn(f"{text}. Changes could not be told: {told}", "Correct on_change, or whoever listens there.")
    return ok(text)
