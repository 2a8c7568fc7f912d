"""Assets in the database: what DAGs say of them, their events, and what waits for whom."""
