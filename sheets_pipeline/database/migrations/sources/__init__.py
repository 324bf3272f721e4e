"""The tables of sources, which may stand in another database than the pipeline's own."""
