"""Whether the spreadsheets that a tab is declared for can be reached, as far as files tell: addresses and keys. Asks nobody."""

from collections.abc import Iterator

from sheets_pipeline.components.declared import DeclaredCredential, DeclaredSpreadsheets
from sheets_pipeline.components.tab_asset import declared_credentials, declared_spreadsheets
from sheets_pipeline.components.yaml_nodes import Place
from sheets_pipeline.errors import AccessDenied
from sheets_pipeline.pipeline import is_here
from sheets_pipeline.settings import load_settings, spreadsheet_id_in
from sheets_pipeline.sheets.credentials import load_identity
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab


def place_problems(tab: Tab) -> Iterator[str]:
    """What is wrong with the spreadsheets of a tab and the keys that reach them; each names file and line."""
    name = tab.spreadsheet.spreadsheets if isinstance(tab.spreadsheet, Each) else tab.spreadsheet
    declared = declared_spreadsheets().get(name)
    if declared is None:  # the settings' own, or told when it was loaded
        return
    said = declared.declaration
    for number, one in enumerate(said.list or ()):
        try:
            spreadsheet_id_in(one.url)
        except ValueError as error:
            yield f"{_place(declared, ('list', number, 'url'))}: the url of {one.id!r} {error}."
    wanted = {said.credential, *(one.credential for one in said.list or ())}
    for credential, how in sorted(declared_credentials().items()):
        if credential in wanted:
            yield from _key_problems(how)


def _key_problems(declared: DeclaredCredential) -> Iterator[str]:
    credential = declared.credential
    if not is_here(credential, load_settings()):
        return
    try:
        load_identity(credential.key, credential.key_file, credential.name)
    except AccessDenied as error:
        yield f"{_place(declared, ('key_file' if credential.key is None else 'key',))}: {error}"


def _place(declared: DeclaredSpreadsheets | DeclaredCredential, place: Place) -> str:
    return f"{declared.path.name}, line {declared.document.line_of(('attributes', *place))}"
