"""Plugins: what an installation adds to every DAG file by a folder or by packages, and what listens to events."""
