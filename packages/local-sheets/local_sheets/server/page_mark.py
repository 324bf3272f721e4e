"""How the requests of the page and of scripts are told from those of the API's clients."""

#: Key of the ASGI scope under which such a request carries its user's name. No HTTP client can set it.
PAGE_MARK = "local_sheets.page_user"
#: And the kind of such a request: ``page`` for an edit by a person, ``script`` for what a script of a spreadsheet does.
KIND_MARK = "local_sheets.kind"
