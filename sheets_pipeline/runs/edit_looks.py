"""Reading tabs in all spreadsheets for what people did there, where that is wanted soon."""

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.edits import looks
from sheets_pipeline.edits.look import look_due
from sheets_pipeline.pipeline import Pipeline, is_here
from sheets_pipeline.runs.targets import usable_targets
from sheets_pipeline.sync.spreadsheet import DEFAULT


def look_everywhere(pipeline: Pipeline) -> int:
    """Read the tabs of which that is wanted by now, in whichever spreadsheet they stand; returns how many were read.

    Raises:
        DatabaseError: The database of the ledger, or that with a list of spreadsheets, cannot be reached.
    """
    if not pipeline.settings.edits_on or not (due := looks.spreadsheets_due(pipeline.state)):
        return 0
    number = look_due(pipeline)
    if not (due := due - {pipeline.spreadsheet.id}):
        return number
    places = _places(pipeline)
    number += sum(look_due(places[one]) for one in due & places.keys())
    looks.forget(pipeline.state, due - places.keys())
    return number


def _places(pipeline: Pipeline) -> dict[str, Pipeline]:
    """The pipelines of all other spreadsheets in which people may edit a tab, by the spreadsheet's id."""
    edited = [one for one in tab_assets().values() if one.tab.edited and one.tab.spreadsheet != DEFAULT]
    placed = usable_targets(pipeline, edited)
    return {
        one.spreadsheet.id: one.pipeline for one in placed if is_here(one.spreadsheet.credential, pipeline.settings)
    }
