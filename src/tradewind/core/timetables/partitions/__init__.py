"""Partitions of assets: which partition of a DAG an event belongs to, and which events a partition waits for."""
