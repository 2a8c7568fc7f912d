"""Timetables as authors know them."""
