"""Google's side: authorised client, retry, quota, reading and applying. No SQL, no Dagster."""
