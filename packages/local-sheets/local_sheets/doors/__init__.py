"""Doors beside the APIs that programs come in by: queries by link, exports by link, discovery, who a token is."""
