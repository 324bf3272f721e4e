"""SQL's side: tables, queries, event queue, pipeline state. No Sheets, no Dagster."""
