"""One try of one task instance, from the order to the report."""
