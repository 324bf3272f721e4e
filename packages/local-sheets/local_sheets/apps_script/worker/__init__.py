"""The process beside the server in which scripts run: one execution at a time, killed where it does not end by itself.

It imports nothing of the server, so that it starts quickly.
"""
