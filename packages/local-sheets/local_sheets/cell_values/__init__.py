"""What a cell holds, how typed text becomes a value, and how a value is shown."""
