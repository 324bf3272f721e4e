"""Scripts of spreadsheets: services, triggers, limits."""
