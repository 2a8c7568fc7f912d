"""Jinja, as templates in operators use it."""
