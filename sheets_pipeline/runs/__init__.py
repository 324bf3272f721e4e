"""Use cases: full sync, event round, preflight, gate, pacing. Called by ``defs``, ``cli`` and ``control``."""
