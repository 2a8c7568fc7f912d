"""Assets: data that tasks make, and that DAGs can wait for."""
