"""Pure functions that decide: tab model, snapshot, diff, plan of requests, guards. No I/O, no Dagster."""
