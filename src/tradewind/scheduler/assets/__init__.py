"""Runs that come of assets."""
