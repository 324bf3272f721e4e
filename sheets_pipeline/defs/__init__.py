"""All that shows in the Dagster UI: assets, checks, jobs, schedules, sensors, resources."""
