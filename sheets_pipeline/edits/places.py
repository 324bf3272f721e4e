"""Which declared tab a tab of a spreadsheet is, as tabs of one title may stand in several spreadsheets."""

from sheets_pipeline.components.tab_asset import declared_spreadsheets, tab_assets
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.settings import spreadsheet_id_in
from sheets_pipeline.sync.archive import title_in_family
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each
from sheets_pipeline.sync.tab import Tab


def editable_tab(pipeline: Ends, spreadsheet_id: str, title: str) -> Tab | None:
    """The declared tab with editable columns that this one is or is an archive tab of; None where none is for certain."""
    tabs = [one.tab for one in tab_assets().values() if one.problem is None and one.tab.edited]
    mine = [tab for tab in tabs if title_in_family(tab, title)]
    ids = {tab.name: _spreadsheet_ids(pipeline, tab) for tab in mine}
    certain = [tab for tab in mine if spreadsheet_id in (ids[tab.name] or ())]
    in_queried_lists = [tab for tab in mine if ids[tab.name] is None]
    found = certain or in_queried_lists
    return found[0] if len(found) == 1 else None


def _spreadsheet_ids(pipeline: Ends, tab: Tab) -> set[str] | None:
    """Where a tab stands; None where a query tells."""
    place = tab.spreadsheet
    if place == DEFAULT:
        return {pipeline.services.spreadsheet_id}
    declared = declared_spreadsheets().get(place.spreadsheets if isinstance(place, Each) else place)
    if declared is None:
        return set()
    if declared.query:
        return None
    urls = (
        [one.url for one in declared.declaration.list or ()] if isinstance(place, Each) else [declared.declaration.url]
    )
    return {found for url in urls if url and (found := _id_in(url))}


def _id_in(url: str) -> str | None:
    try:
        return spreadsheet_id_in(url)
    except ValueError:  # its own step says so
        return None
