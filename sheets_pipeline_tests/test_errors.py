"""The tree of errors is as drawn, and what depends on the class of an error is told by the class alone."""

import string

import pytest

import sheets_pipeline.sheets.access  # noqa: F401  it declares an error of its own
from sheets_pipeline import errors
from sheets_pipeline.errors import Concerns, SheetsPipelineError, error_class, error_classes, is_within_tab


def drawn() -> list[tuple[int, str]]:
    """Depth and name of each class in the drawing."""
    lines = [line for line in (errors.__doc__ or "").splitlines() if line.startswith(("├", "│", "└"))]
    branches = [line.partition("── ") for line in lines]
    return [(len(before) // 4 + 1, after.split()[0]) for before, _, after in branches]


def test_the_tree_is_drawn_as_it_is() -> None:
    declared = [kind for kind in error_classes() if kind.__module__ == errors.__name__]
    result = [(kind.__mro__.index(SheetsPipelineError), kind.__name__) for kind in declared]
    assert drawn() == result[1:]


@pytest.mark.parametrize("kind", list(error_classes()), ids=lambda kind: kind.__name__)
def test_every_error_has_a_remedy_that_names_only_what_is_filled_in(kind: type[SheetsPipelineError]) -> None:
    fields = {field for _, field, _, _ in string.Formatter().parse(kind.remedy) if field is not None}
    assert fields <= {"credential", "url"}
    assert kind.remedy.format(credential="robot", url="https://sheets/1")[-1] == "."
    assert kind.concerns in Concerns
    assert error_class(kind.__name__) is kind


def test_what_concerns_one_tab_is_told_from_what_concerns_all() -> None:
    within = {kind.__name__ for kind in error_classes() if is_within_tab(kind.__name__)}
    of_tabs = {kind.__name__ for kind in error_classes(errors.TabProblem)}
    assert within == of_tabs | {
        "RequestRejected",
        "RowsMoved",
        "TabBusy",
        "RowsLeft",
        "UnknownTab",
        "TabIsOff",
        "SourceProblem",
        "UnknownSource",
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("TabError", errors.TabProblem, id="a class that had another name"),
        pytest.param("KeyError", None, id="an error of others"),
        pytest.param("", None, id="none"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_records_of_earlier_versions_are_read(name: str | None, kind: type[SheetsPipelineError] | None) -> None:
    assert error_class(name) is kind
    assert is_within_tab(name) == (kind is not None)


def test_an_error_that_is_transient_needs_nobody_and_an_instance_may_know_better() -> None:
    assert {kind.__name__ for kind in error_classes() if kind.is_transient} == {
        "QuotaExceeded",
        "SheetsUnavailable",
        "OutcomeUnknown",
        "TabFailed",
        "ProcessDied",
        "TabBusy",
        "RowsLeft",
        "DagsterUnreachable",
    }
    error = errors.DatabaseError("It is starting up.")
    assert error.needs_person
    error.is_transient = True
    assert not error.needs_person
