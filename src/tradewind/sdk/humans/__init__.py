"""Tasks that wait for the answer of a person."""
