"""Bringing bundles up to date while files are parsed."""
