"""Where a variable or connection is looked for, and in which order."""
