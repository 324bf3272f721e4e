"""HTTP control API, dashboard and metrics."""
