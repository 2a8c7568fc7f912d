"""Benchmarks: what is published is measured here."""
