"""The pipeline's own tables."""
