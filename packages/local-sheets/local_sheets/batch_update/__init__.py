"""``spreadsheets.batchUpdate``: one module per family of requests, each request kind one function.

``registry.py`` lists them, ``method.py`` runs a batch. A function takes the transaction and the request's message
and returns its reply, or None for the kinds that answer ``{}``.
"""
