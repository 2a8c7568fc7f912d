"""Deadlines of runs: by when something has to be done, and what is called when it is not."""
