"""The operators of the standard library of tasks: Python, bash, branches, nothing at all."""
