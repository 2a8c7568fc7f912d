"""Tables, migrations and queries, grouped by subject: the only room that knows SQL."""
