"""What a run's tags say it failed of."""

import pytest

from sheets_pipeline.errors import (
    ERROR_TAG,
    NEEDS_PERSON_TAG,
    GuardRefused,
    NotShared,
    ProcessDied,
    SheetsPipelineError,
    SheetsUnavailable,
)
from sheets_pipeline.runs.run_tags import failure_tags


@pytest.mark.parametrize(
    ("error", "known", "expected"),
    [
        pytest.param(GuardRefused("Tab", "no"), {}, "GuardRefused", id="of a tab"),
        pytest.param(GuardRefused("Tab", "no"), {ERROR_TAG: "NotShared"}, None, id="a tab hides no spreadsheet"),
        pytest.param(NotShared("no"), {ERROR_TAG: "GuardRefused"}, "NotShared", id="a spreadsheet hides a tab"),
        pytest.param(GuardRefused("Tab", "no"), ProcessDied.tags, "GuardRefused", id="the run that it retries died"),
        pytest.param(SheetsUnavailable("no"), ProcessDied.tags, "SheetsUnavailable", id="and it fails of more"),
    ],
)
def test_a_run_is_tagged_with_what_concerns_most(
    error: SheetsPipelineError, known: dict[str, str], expected: str | None
) -> None:
    person = {NEEDS_PERSON_TAG: str(error.needs_person).lower()}
    assert failure_tags(error, known) == ({} if expected is None else {ERROR_TAG: expected} | person)


def test_who_died_needs_nobody() -> None:
    assert ProcessDied.tags == {ERROR_TAG: ProcessDied.__name__, NEEDS_PERSON_TAG: "false"}
    assert not ProcessDied("gone").needs_person
