"""How the page's own requests are told from those of the API's clients."""

#: Key of the ASGI scope under which such a request carries its user's name. No HTTP client can set it.
PAGE_MARK = "local_sheets.page_user"
