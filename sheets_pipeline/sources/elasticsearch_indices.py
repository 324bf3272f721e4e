"""The indices of sources. Mappings are strict: a field that is not named here is refused, never guessed."""

from typing import Any

from sheets_pipeline.sources.elasticsearch_client import ElasticsearchClient

#: Aliases, so that an index can be made anew behind one.
ROWS, CHUNKS, METADATA = "sheet-source-rows", "sheet-source-chunks", "sheet-source-metadata"

_WORD = {"type": "keyword"}
#: Kept as it is and not searched; no bound of length.
_KEPT = {"type": "keyword", "index": False, "doc_values": False}

_FIELDS: dict[str, dict[str, Any]] = {
    ROWS: {"source": _WORD, "row": _WORD, "stored_by": _WORD, "cells": _KEPT, "words": _WORD},
    CHUNKS: {"source": _WORD, "chunk": _WORD, "stored_by": _WORD, "rows": _KEPT, "stored_at": {"type": "date"}},
    METADATA: {
        "source": _WORD,
        "number": {"type": "integer"},
        "content_hash": _WORD,
        "columns": {"type": "object", "enabled": False},
        "headers": _KEPT,
        "rows": {"type": "integer"},
        "chunks": _KEPT,
        "read_at": {"type": "date"},
        "status": _WORD,
        "maker": _KEPT,
    },
}


def make_indices(client: ElasticsearchClient) -> None:
    """Make those that are not there; another process may do the same."""
    for alias, fields in _FIELDS.items():
        if client.ask("GET", f"/{alias}/_mapping", expected=(200, 404)).get("status") != 404:
            continue
        index = {
            "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1"},
            "mappings": {"dynamic": "strict", "properties": fields},
            "aliases": {alias: {}},
        }
        client.ask("PUT", f"/{alias}-1", index, expected=(200, 400))
        client.ask("GET", f"/{alias}/_mapping")
