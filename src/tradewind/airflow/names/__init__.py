"""Parts of the table of names that are large enough to stand apart."""
