"""How Dagster itself runs here: launcher, coordinator, storage, webserver. All imports of its private modules."""
