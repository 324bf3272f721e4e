"""One module per tab: its declaration and its asset."""
