"""Sensors: tasks that wait until something is so, and look again from time to time."""
