"""Dynamic task mapping as authors write it: one task, or task group, for each item of lists known only in the run."""
