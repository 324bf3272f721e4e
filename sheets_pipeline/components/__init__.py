"""What a user may declare: tabs; finding, loading and judging declarations."""
