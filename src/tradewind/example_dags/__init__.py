"""DAGs to look at and to start from. Each file shows one thing and needs no service outside."""
