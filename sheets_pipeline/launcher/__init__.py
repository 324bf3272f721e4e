"""Starts runs in an already warm process: a fork of one that has imported everything, instead of a new interpreter.

Two processes more than in stock Dagster. The **warm process** imports and waits; it opens no connection and no thread,
so a fork of it is a clean start. A **run worker** is such a fork, in a session of its own, and executes one run. Where
there is no warm process (yet), the same worker starts in a new interpreter: a **cold** start.
"""
