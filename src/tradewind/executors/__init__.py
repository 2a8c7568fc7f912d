"""Ports to where work runs."""
