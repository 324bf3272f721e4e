"""What a person did, to be taken back and done again: each change as a step, per person."""
