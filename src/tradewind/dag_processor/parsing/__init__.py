"""Importing one DAG file in a process of its own: the forker, its children, and what they send."""
